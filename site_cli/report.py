"""`stratus report`: what is known of a site, in one HTML file."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from site_cli import vault
from site_cli.hosts import hosts_of
from site_cli.page import Site, page
from site_cli.record import runs
from site_cli.redact import redacted, secrets_of
from site_cli.run import site_folder
from site_cli.summary import OK, PREFLIGHT

FILE = "report.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument(
        "-i", "--inventory", type=Path, required=True, help="folder such as inventories/multinode"
    )
    vault.arguments(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there, too")


def run(options: argparse.Namespace) -> int:
    """Write the report anew and tell where it is; returns 0, or 4 when there is nothing to report on."""
    inventory: Path = options.inventory
    if not inventory.exists():
        print(f"stratus: there is no inventory {inventory}", file=sys.stderr)
        return PREFLIGHT
    vault.use(options)
    try:
        written = write(inventory)
        if options.output:
            written = Path(shutil.copy(written, options.output))
    except (ValueError, OSError) as error:
        print(f"stratus: {error}", file=sys.stderr)
        return PREFLIGHT
    print(f"report: {written.resolve()}")
    return OK


def write(inventory: Path, ask: bool = True) -> Path:
    """Write the report of a site, asking its hosts for versions unless told not to; returns the file.

    Raises ValueError when the inventory cannot be read.
    """
    site = Site(site_name(inventory), hosts_of(inventory, ask), runs(inventory))
    file = site_folder(inventory) / FILE
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(redacted(page(site), secrets_of(inventory)))
    part.rename(file)
    return file


def site_name(inventory: Path) -> str:
    """Return what a site is called by: the name of its inventory, or of the lab that it is of."""
    whole = inventory.resolve()
    return whole.parent.name if whole.name in ("inventory", "hosts.yml") else whole.stem
