"""`stratus destroy`: remove a site, with its hosts, that lives on hosts which this machine made for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from proving.lab.command import Failed
from site_cli import lab_site
from site_cli.run import Busy
from site_cli.summary import CANCELLED, FAILED, OK, PREFLIGHT


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("-i", "--inventory", type=Path, required=True, help="of the site")
    parser.add_argument("--yes", action="store_true", help="do not ask for the name of the site")


def run(options: argparse.Namespace) -> int:
    """Remove the site once its name was typed; returns 0, 2 failed, 4 refused to begin, 5 not wanted."""
    name = lab_site.lab_of(options.inventory)
    if name is None or not options.inventory.exists():
        print(
            f"stratus: {options.inventory} is no site on hosts that this machine made;"
            " what is on other hosts is not removed",
            file=sys.stderr,
        )
        return PREFLIGHT
    if not options.yes and not _wanted(name):
        print(f"nothing was removed: that is not {name}", file=sys.stderr)
        return CANCELLED
    try:
        lab_site.remove(name)
    except Busy as error:
        print(f"stratus: {error}", file=sys.stderr)
        return PREFLIGHT
    except (Failed, OSError) as error:
        print(f"stratus: {error}", file=sys.stderr)
        return FAILED
    print(f"{name} is gone: its hosts, network and processes, and all that its servers kept.")
    return OK


def _wanted(name: str) -> bool:
    print(
        f"This removes the site {name} with its hosts and all of its servers. Type {name} to go on: ", end=""
    )
    sys.stdout.flush()
    return sys.stdin.readline().strip() == name
