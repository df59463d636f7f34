"""Run many seeds and sum up: `python -m tests.simulation --seeds 2000 [--start N] [--plant BUG] [--world W]`.

The world `engine` has flows made for the purpose, `servers` the real ones. With `--plant` a bug is put into
the engine or into one of the real flows, and the run stops at the seed that notices it. Exits with 1 when any
seed shows a problem.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.simulation.plants import PLANTS
from tests.simulation.runs import Outcome, run_synthetic
from tests.simulation.servers.plants import PLANTS as SERVER_PLANTS
from tests.simulation.servers.runs import run_servers

WORLDS: dict[str, Callable[[int, str | None], Outcome]] = {"engine": run_synthetic, "servers": run_servers}


def play(task: tuple[str, int, str | None]) -> tuple[int, Outcome]:
    """Run one seed of a world, perhaps with a bug."""
    logging.disable(logging.CRITICAL)
    world, seed, plant = task
    return seed, WORLDS[world](seed, plant)


def outcomes(options: argparse.Namespace, world: str) -> Iterator[tuple[int, Outcome]]:
    """Run all seeds of a world, in as many processes as asked for, and return them in order."""
    tasks = [(world, seed, options.plant) for seed in range(options.start, options.start + options.seeds)]
    if options.jobs == 1:
        yield from map(play, tasks)
        return
    with multiprocessing.Pool(options.jobs) as pool:
        yield from pool.imap(play, tasks, chunksize=4)


def run(options: argparse.Namespace, world: str) -> int:
    """Run a world, print what came of it, and return how many seeds showed a problem."""
    total: Counter[str] = Counter()
    bad = ran = 0
    began = time.monotonic()
    for seed, outcome in outcomes(options, world):
        ran += 1
        total.update(outcome.counts)
        if outcome.problems:
            bad += 1
            print(f"{world} seed {seed}: " + "; ".join(outcome.problems[:3]), flush=True)
            if options.plant:
                break
    seconds = time.monotonic() - began
    print(f"{world}: {ran} seeds in {seconds:.0f} s ({ran / seconds:.1f} a second), {bad} with problems")
    print("  " + ", ".join(f"{number} {what}" for what, number in sorted(total.items())), flush=True)
    return bad


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument(
        "--plant",
        choices=sorted({*PLANTS, *SERVER_PLANTS}),
        help="have this bug, and stop where it is noticed",
    )
    parser.add_argument("--world", choices=sorted(WORLDS), help="only this one")
    parser.add_argument("--jobs", type=int, default=1, help="processes to use")
    options = parser.parse_args()
    if options.plant in SERVER_PLANTS:
        options.world = "servers"
    worlds = [options.world] if options.world else list(WORLDS)
    return 1 if sum([run(options, world) for world in worlds]) else 0


if __name__ == "__main__":
    sys.exit(main())
