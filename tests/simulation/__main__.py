"""`python -m tests.simulation --seeds 2000 [--start N] [--plant BUG]`: run many seeds and sum up."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter

from tests.simulation.plants import PLANTS
from tests.simulation.runs import run_synthetic


def main() -> int:
    """Run the seeds; exit 1 when any of them shows a problem."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--plant", choices=sorted(PLANTS), help="have this bug, and stop where it is noticed")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    total: Counter[str] = Counter()
    bad = 0
    began = time.monotonic()
    for seed in range(options.start, options.start + options.seeds):
        outcome = run_synthetic(seed, options.plant)
        total.update(outcome.counts)
        if outcome.problems:
            bad += 1
            print(f"seed {seed}: " + "; ".join(outcome.problems[:3]))
            if options.plant:
                break
    seconds = time.monotonic() - began
    print(
        f"{options.seeds} seeds in {seconds:.0f} s: "
        + ", ".join(f"{v} {k}" for k, v in sorted(total.items()))
    )
    print(f"{bad} seeds with problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
