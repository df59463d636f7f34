"""`stratus destroy`: remove a site, with its hosts where this machine made them, from its hosts elsewhere."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from proving.lab.command import Failed
from site_cli import lab_site, vault
from site_cli.playbook import perform
from site_cli.reporters import PlainLines
from site_cli.run import ROOT, Busy, Play, alone
from site_cli.summary import CANCELLED, FAILED, OK, PREFLIGHT

PLAYBOOK = ROOT / "playbooks" / "destroy.yml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("-i", "--inventory", type=Path, required=True, help="of the site")
    parser.add_argument("--yes", action="store_true", help="do not ask for the name of the site")
    vault.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Remove the site once its name was typed; returns the exit codes of `deploy`, 5 when not wanted."""
    inventory: Path = options.inventory
    if not inventory.exists():
        print(f"stratus: there is no inventory {inventory}", file=sys.stderr)
        return PREFLIGHT
    lab = lab_site.lab_of(inventory)
    name = lab or _name(inventory)
    if not options.yes and not _wanted(name, lab is not None):
        print(f"nothing was removed: that is not {name}", file=sys.stderr)
        return CANCELLED
    try:
        return _remove_lab(lab) if lab else _remove_site(name, options)
    except Busy as error:
        print(f"stratus: {error}", file=sys.stderr)
        return PREFLIGHT
    except (Failed, OSError) as error:
        print(f"stratus: {error}", file=sys.stderr)
        return FAILED


def _remove_lab(name: str) -> int:
    lab_site.remove(name)
    print(f"{name} is gone: its hosts, network and processes, and all that its servers kept.")
    return OK


def _remove_site(name: str, options: argparse.Namespace) -> int:
    inventory: Path = options.inventory
    again = ["./stratus", "destroy", "-i", str(inventory), *vault.again(options)]
    vault.use(options)
    with alone(inventory):
        play = Play(PLAYBOOK, inventory, ("-e", "stratus_destroy=yes"))
        code = perform(play, PlainLines(sys.stdout), sys.stdout, "destroy", shlex.join(again))
    if code == OK:
        print(f"\n{name} is gone from its hosts. {inventory} stays, with the secrets of the next site.")
    return code


def _name(inventory: Path) -> str:
    """Return what the site of an inventory is called: as the folder of it."""
    found = inventory.resolve()
    return found.name if found.is_dir() else found.parent.name


def _wanted(name: str, hosts: bool) -> bool:
    what = (
        "with its hosts and all of its servers"
        if hosts
        else "from its hosts, with servers, images and databases"
    )
    print(f"This removes the site {name} {what}. Type {name} to go on: ", end="")
    sys.stdout.flush()
    return sys.stdin.readline().strip() == name
