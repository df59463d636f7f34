"""`stratus demo`: a whole cloud on one disposable host of this machine, with a server booted in it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from proving.guest import guest_image
from proving.lab import Lab, Unable
from proving.lab.command import Failed
from proving.lab.plan import checked_name
from site_cli import lab_site
from site_cli.playbook import perform, tell_report
from site_cli.reporters import JsonLines, Reporter, Steps
from site_cli.run import ROOT, Busy, Play, alone
from site_cli.summary import FAILED, OK, PREFLIGHT

PLAYBOOKS = ("site.yml", "demo.yml", "verify.yml")
"""What makes the site, what boots a server in it and tells where it is, and what proves that all is well."""
TOLD = "demo.json"
"""Where, beside the inventory, the second playbook tells of its server: with it there is no other made."""

_CONSOLE = "openstack --os-cloud demo console url show --novnc"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--name", default="demo", help="of the host, and of all that is made (default: demo)")
    parser.add_argument("--destroy", action="store_true", help="remove it with all that it left")
    parser.add_argument("--json", action="store_true", help="print each event as a line of JSON")


def run(options: argparse.Namespace) -> int:
    """Make the demo or go on where a run stopped, or remove it; returns the exit codes of `deploy`."""
    try:
        checked_name(options.name)
        return _destroy(options.name) if options.destroy else _demo(options)
    except (Unable, Busy, ValueError) as error:
        print(f"stratus: {error}", file=sys.stderr)
        return PREFLIGHT
    except (Failed, OSError) as error:
        print(f"stratus: {error}", file=sys.stderr)
        return FAILED


def _destroy(name: str) -> int:
    if not lab_site.remove(name):
        print(f"there is no {name}")
        return OK
    print(f"{name} is gone: its host, network and processes. Downloads are kept for the next time.")
    return OK


def _demo(options: argparse.Namespace) -> int:
    began = time.monotonic()
    out = sys.stderr if options.json else sys.stdout
    live: Reporter = JsonLines(sys.stdout) if options.json else Steps(sys.stdout)
    if lab_site.find(options.name) is None:
        lab_site.check()
    print("00:00  Make the host (minutes the first time, seconds later)", file=out, flush=True)
    made = lab_site.make(options.name)
    inventory = lab_site.inventory(made)
    again = " ".join(["./stratus demo", *(["--name", options.name] if options.name != "demo" else [])])
    with alone(inventory):
        code = _play(inventory, live, out, again)
        if code == OK:
            told = json.loads((inventory / TOLD).read_text())
            print("", *_told(made, told, again, time.monotonic() - began), sep="\n", file=out)
            tell_report(inventory, code, out)
    return code


def _play(inventory: Path, live: Reporter, out: TextIO, again: str) -> int:
    """Run the playbooks, and meanwhile make the guest's image unless it is there; returns the exit code."""
    with ThreadPoolExecutor(1) as pool:
        image = pool.submit(guest_image)
        for playbook in PLAYBOOKS:
            if playbook == "demo.yml":
                image.result()
                if (inventory / TOLD).exists():
                    continue
            code = perform(Play(ROOT / "playbooks" / playbook, inventory), live, out, "demo", again, False)
            if code != OK:
                return code
    return OK


def _told(made: Lab, told: dict[str, Any], again: str, seconds: float) -> Iterator[str]:
    minutes, rest = divmod(round(seconds), 60)
    into = lab_site.ssh(made)
    yield f"A cloud with a server in it, in {minutes} min {rest:02} s on {lab_site.processors()} processors:"
    yield ""
    yield f"  server         {told['server']}, at {told['address']}"
    yield f"  log in         {into} ssh -i {told['key']} root@{told['address']}"
    yield f"  list servers   {into} openstack --os-cloud demo server list"
    yield f"  console        {told['console']}"
    yield f"                 (for ten minutes; then: {into} {_CONSOLE} {told['server']})"
    if told["console"].startswith("https:"):
        yield f"                 (its certificate is by {made.folder}/inventory/group_vars/all/authority.pem)"
    yield f"  the cloud      {into}"
    yield f"  remove it      {again} --destroy"
    yield ""
    yield f"Its inventory, with the passwords that were made for it, is in {Path(made.folder) / 'inventory'}."
