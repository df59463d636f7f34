"""`stratus deploy` and `verify`: run a playbook on an inventory; to be run again after trouble."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TextIO

from site_cli import vault
from site_cli.record import Recorder, keep
from site_cli.report import write
from site_cli.reporters import JsonLines, PlainLines, Reporter
from site_cli.run import ROOT, Busy, Play, alone, execute, journal
from site_cli.summary import CANCELLED, OK, PREFLIGHT, UNREACHABLE, Summary

PLAYBOOKS = {"deploy": "site.yml", "verify": "verify.yml"}
"""Verbs, and the playbook of each."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a verb that runs a playbook takes."""
    parser.add_argument(
        "-i", "--inventory", type=Path, required=True, help="folder such as inventories/multinode"
    )
    parser.add_argument("--limit", metavar="HOSTS", help="only on these hosts, such as compute:!h3")
    if parser.prog.endswith("deploy"):
        parser.add_argument("--check", action="store_true", help="change nothing, tell what would change")
    parser.add_argument("--json", action="store_true", help="print each event as a line of JSON")
    vault.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb's playbook; returns 0, or 2 failed, 3 unreachable, 4 refused to begin, 5 cancelled."""
    play = Play(ROOT / "playbooks" / PLAYBOOKS[options.verb], options.inventory, _arguments(options))
    if not play.inventory.exists():
        print(f"stratus: there is no inventory {play.inventory}", file=sys.stderr)
        return PREFLIGHT
    vault.use(options)
    try:
        with alone(play.inventory):
            live: Reporter = JsonLines(sys.stdout) if options.json else PlainLines(sys.stdout)
            out = sys.stderr if options.json else sys.stdout
            return perform(play, live, out, options.verb, resume(options))
    except Busy as error:
        print(f"stratus: {error}", file=sys.stderr)
        return PREFLIGHT


def _arguments(options: argparse.Namespace) -> tuple[str, ...]:
    words: list[str] = []
    if options.limit:
        words += ["--limit", shlex.quote(options.limit)]
    if _trial(options):
        words += ["--check", "--diff"]
    return tuple(words)


def perform(play: Play, live: Reporter, out: TextIO, verb: str, again: str, table: bool = True) -> int:
    """Run a playbook, keep what it came to for the report, and return the exit code.

    On `out` comes what there is to tell at the end, with the command to run again after trouble; without a
    `table` nothing after a success.
    """
    summary, recorder = Summary(), Recorder(play.playbook.stem)
    code = summary.exit_code(execute(play, (live, summary, recorder)))
    # Neither a trial run nor one that removes the site leaves one to report of.
    told = "--check" not in play.arguments and play.playbook.stem != "destroy"
    if told:
        keep(play.inventory, recorder.run(code))
    if code == OK and not table:
        return code
    print("", *summary.lines(), sep="\n", file=out)
    for event in summary.blamed():
        text = journal(play, event)
        if text:
            print(f"\njournal of {event.unit} on {event.host}", text, sep="\n", file=out)
    if told:
        tell_report(play.inventory, code, out)
    if code != OK:
        done = "stopped before its end" if code == CANCELLED else "did not come to its end"
        print(f"\n{verb} {done}; to go on:\n  {again}", file=out)
    return code


def tell_report(inventory: Path, code: int, out: TextIO) -> None:
    """Write the report and tell where it is; that it cannot be written is told and changes nothing."""
    try:
        file = write(inventory, ask=code not in (UNREACHABLE, PREFLIGHT, CANCELLED))
    except (ValueError, OSError) as error:
        print(f"\nno report: {error}", file=out)
    else:
        print(f"\nreport: {file}", file=out)


def _trial(options: argparse.Namespace) -> bool:
    return bool(getattr(options, "check", False))


def resume(options: argparse.Namespace) -> str:
    """Return the command that goes on where this run stopped."""
    words = ["./stratus", options.verb, "-i", str(options.inventory)]
    if options.limit:
        words += ["--limit", options.limit]
    return shlex.join([*words, *vault.again(options), *(["--check"] if _trial(options) else [])])
