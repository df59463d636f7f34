"""`python -m proving.chaos`: whole lives of servers on a site of its own, while its parts are killed.

Exit codes: 0 everything is as it must be, 1 something is not, 2 wrong command line.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from proving.chaos.report import told
from proving.chaos.run import Trial, run
from proving.plan import DATABASES


def main(argv: Sequence[str] | None = None) -> int:
    """Lead lives of servers under kills and check what is left."""
    options = _parser().parse_args(argv)
    trial = Trial(
        seed=options.seed,
        lives=options.lives,
        users=options.users,
        kill_every=options.kill_every,
        settle=options.settle,
        seconds=options.seconds,
        cells=options.cells,
        hosts=options.hosts,
        conductors=options.conductors,
        database=options.database,
    )
    with tempfile.TemporaryDirectory(prefix="stratus-chaos-", ignore_cleanup_errors=True) as scratch:
        outcome = run(trial, Path(options.folder or scratch), _say)
    print(json.dumps(asdict(outcome), default=str, indent=2) if options.json else told(trial, outcome))
    return 0 if outcome.is_good else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proving.chaos", description=main.__doc__)
    standard = Trial()
    parser.add_argument("--seed", type=int, default=standard.seed, help="decides lives and kills")
    parser.add_argument("--lives", type=int, default=standard.lives, metavar="N")
    parser.add_argument("--users", type=int, default=standard.users, metavar="N", help="lives at a time")
    parser.add_argument(
        "--kill-every", type=float, default=standard.kill_every, metavar="SECONDS", help="0 kills nothing"
    )
    parser.add_argument(
        "--no-faults", action="store_const", const=0.0, dest="kill_every", help="the same as --kill-every 0"
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=standard.settle,
        metavar="SECONDS",
        help="allowed after the last fault",
    )
    parser.add_argument(
        "--seconds", type=float, default=standard.seconds, help="begin no life after these (%(default)g)"
    )
    parser.add_argument("--cells", type=int, default=standard.cells, metavar="N")
    parser.add_argument("--hosts", type=int, default=standard.hosts, metavar="N", help="fake hosts a cell")
    parser.add_argument("--conductors", type=int, default=standard.conductors, metavar="N")
    parser.add_argument("--database", choices=DATABASES, default=standard.database)
    parser.add_argument("--folder", metavar="DIR", help="an empty folder to keep logs and state in")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
