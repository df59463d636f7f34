"""Kills deployments, and tries what trial runs tell: `python -m proving.resilience kills -i INVENTORY`."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from proving.resilience.playbook import Wrong, count_tasks, play
from proving.resilience.points import Point, drawn, named
from proving.resilience.rotation import rotate, told_secrets

Arguments = argparse.Namespace


def main(words: Sequence[str] | None = None) -> int:
    """Do what is asked; return 0, or 1 when something is not as it should be."""
    arguments = _parser().parse_args(words)
    verb: Callable[[Arguments, Path], None] = arguments.verb
    folder = arguments.logs or Path(tempfile.mkdtemp(prefix="stratus-resilience-"))
    try:
        verb(arguments, folder)
    except Wrong as error:
        print(f"{error}\nAll output is in {folder}", file=sys.stderr)
        return 1
    if not arguments.logs:
        shutil.rmtree(folder)
    return 0


def _kills(arguments: Arguments, folder: Path) -> None:
    """Kill site.yml at points that are given by name, then at such that are drawn."""
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    points = [
        *map(named, arguments.at),
        *(drawn(seed, arguments.kills, _tasks(arguments)) if arguments.kills else []),
    ]
    print(f"seed {seed}: " + ", ".join(map(str, points)))
    for number, point in enumerate(points, 1):
        # Later runs have fewer tasks, such as no handlers: one may be at its end before a late point.
        tried = [
            point,
            *(() if point.name else (replace(point, task=point.task // 2), replace(point, task=1))),
        ]
        if not any(_killed(arguments, folder / f"kill-{number}.log", one) for one in tried):
            raise Wrong(f"a run was at its end before {point}")


def _killed(arguments: Arguments, log: Path, point: Point) -> bool:
    ended = play(arguments.inventory, log, point=point)
    if ended.killed:
        print(f"killed after {ended.seconds:.0f} s at its task {ended.tasks}: {ended.killed}", flush=True)
        return True
    ended.expect()
    print(f"it came to its end before {point}", flush=True)
    return False


def _tasks(arguments: Arguments) -> int:
    return int(count_tasks(arguments.inventory) * 0.95)


def _trial(arguments: Arguments, folder: Path) -> None:
    """Run site.yml with --check --diff: it passes, tells no secret, and no change if none is expected."""
    ended = play(arguments.inventory, folder / "trial.log", ("--check", "--diff"))
    ended.expect(arguments.unchanged)
    output = ended.output()
    shown = [name for name, value in told_secrets(arguments.inventory).items() if value in output]
    if shown:
        raise Wrong(f"the differences tell secrets: {', '.join(shown)}")
    told = ", ".join(f"{counts['changed']} to change on {host}" for host, counts in ended.recap.items())
    print(f"a trial run of {ended.tasks} tasks and {ended.seconds:.0f} s told of {told}")


def _rotate(arguments: Arguments, folder: Path) -> None:
    """Give the site other passwords in secrets.yml, which a run of site.yml brings to the services."""
    print("changed in secrets.yml: " + ", ".join(rotate(arguments.inventory)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proving.resilience", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, call: Callable[[Arguments, Path], None], told: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=told, description=told)
        made.set_defaults(verb=call)
        made.add_argument("-i", "--inventory", type=Path, required=True, help="of the site")
        made.add_argument("--logs", type=Path, help="a folder for the output of runs")
        return made

    kills = verb("kills", _kills, "kill site.yml again and again, each time at another task")
    kills.add_argument("--kills", type=int, default=5, help="how often, at tasks that are drawn (default: 5)")
    kills.add_argument("--seed", type=int, help="of what is drawn (default: another each time)")
    kills.add_argument(
        "--at", action="append", default=[], metavar="TASK[:SECONDS]", help="before that, at this task"
    )
    trial = verb("trial", _trial, "run site.yml with --check --diff")
    trial.add_argument("--unchanged", action="store_true", help="expect that it has nothing to change")
    verb("rotate", _rotate, "give the site other passwords")
    return parser


if __name__ == "__main__":
    sys.exit(main())
