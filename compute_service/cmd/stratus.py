"""`stratus`: the command line of this repository. Each verb is a row of `VERBS` and a module of its own."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from compute_service.version import VERSION


@dataclass(frozen=True, slots=True)
class Verb:
    """`module` has `arguments(parser)` and `run(options) -> int`, and is imported when the verb is used."""

    name: str
    module: str
    help: str


VERBS: tuple[Verb, ...] = (
    Verb("test", "compute_service.cmd.selftest", "check the code and run its tests"),
    Verb("demo", "site_cli.demo", "make a cloud on this machine, with a server booted in it"),
    Verb("deploy", "site_cli.playbook", "bring the hosts of an inventory to what it says"),
    Verb("verify", "site_cli.playbook", "prove that a site works, with servers that go again"),
    Verb("report", "site_cli.report", "write what is known of a site into one HTML file"),
    Verb("destroy", "site_cli.destroy", "remove a site from its hosts, or with hosts that this machine made"),
)


def parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the verb `wanted` has its own arguments."""
    made = argparse.ArgumentParser(prog="stratus", description="Stratus, an OpenStack Compute service.")
    made.add_argument("--version", action="version", version=f"stratus {VERSION}")
    verbs = made.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        sub = verbs.add_parser(verb.name, help=verb.help, description=verb.help)
        if verb.name == wanted:
            importlib.import_module(verb.module).arguments(sub)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code (2 for a wrong command line, 130 when interrupted)."""
    given = list(sys.argv[1:] if argv is None else argv)
    wanted = next((word for word in given if not word.startswith("-")), None)
    options = parser(wanted).parse_args(given)
    verb = next(verb for verb in VERBS if verb.name == options.verb)
    try:
        return int(importlib.import_module(verb.module).run(options))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
