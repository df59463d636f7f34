"""`stratus-compute`: the compute service's own commands. Each verb is a row of `VERBS`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from compute_service.version import VERSION

VERBS: dict[str, tuple[str, str]] = {
    "all-in-one": (
        "compute_service.cmd.allinone_cli",
        "run the whole service in one process, for development",
    ),
    "check": ("compute_service.cmd.check", "tell whether a nova.conf can be used"),
    "control": (
        "compute_service.cmd.control_cli",
        "run the daemons of a controller under one parent, whose memory they share",
    ),
}
"""Verb → module with `arguments(parser)` and `run(options) -> int`, and what it does."""


def parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the verb `wanted` has its own arguments."""
    made = argparse.ArgumentParser(prog="stratus-compute", description="The Stratus compute service.")
    made.add_argument("--version", action="version", version=f"stratus-compute {VERSION}")
    verbs = made.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module, about) in VERBS.items():
        sub = verbs.add_parser(name, help=about, description=about)
        if name == wanted:
            importlib.import_module(module).arguments(sub)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code (2 for a wrong command line)."""
    given = list(sys.argv[1:] if argv is None else argv)
    wanted = next((word for word in given if not word.startswith("-")), None)
    options = parser(wanted).parse_args(given)
    return int(importlib.import_module(VERBS[options.verb][0]).run(options))


if __name__ == "__main__":
    sys.exit(main())
