"""`python -m proving.site`: keeps a site in the foreground and tells its use, or runs a command on it."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from proving.plan import DATABASES, Plan
from proving.process import Missing, NotReady
from proving.site import Site, site

CLIENTS = "OS_CLIENT_CONFIG_FILE"
"""Where the stock clients look for their clouds."""


def main(argv: Sequence[str] | None = None) -> int:
    """Start a cloud on real parts and keep it until Ctrl-C, or for as long as a command runs.

    Returns the exit code: the command's, or 1 when the site did not start.
    """
    options = _parser().parse_args(argv)
    if options.command[:1] == ["--"]:
        del options.command[0]
    stopping = threading.Event()
    # A shell that starts this in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    plan = Plan(
        cells=options.cells,
        hosts=options.hosts,
        database=options.database,
        api_workers=options.api_workers,
        conductors=options.conductors,
    )
    with tempfile.TemporaryDirectory(prefix="stratus-site-", ignore_cleanup_errors=True) as scratch:
        folder = Path(options.folder or scratch)
        print(f"starting a site in {folder}", flush=True)
        try:
            with site(folder, plan) as made:
                if options.command:
                    return _run(made, options.command)
                print(_told(made), flush=True)
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, lambda *_: stopping.set())
                while not stopping.wait(1.0):
                    pass
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        except (Missing, NotReady, RuntimeError) as error:
            print(f"the site did not start: {error}", file=sys.stderr)
            return 1
    print("ended")
    return 0


def _run(made: Site, command: Sequence[str]) -> int:
    """Run a command that finds the site in its environment; returns its exit code."""
    private = next(network.id for network in made.network.networks.values() if network.name == "private")
    environment = os.environ | {
        CLIENTS: str(made.clouds_file),
        "STRATUS_REAL_SERVICES": str(made.nova_conf),
        "STRATUS_REAL_NETWORK": private,
    }
    return subprocess.run(list(command), env=environment, check=False).returncode  # noqa: S603


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proving.site", description=(main.__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--cells", type=int, default=1, metavar="N")
    parser.add_argument("--hosts", type=int, default=1, metavar="N", help="fake hosts a cell")
    parser.add_argument("--database", choices=DATABASES, default=DATABASES[0])
    parser.add_argument("--api-workers", type=int, default=2, metavar="N")
    parser.add_argument("--conductors", type=int, default=1, metavar="N", help="conductors a cell")
    parser.add_argument("--folder", metavar="DIR", help="an empty folder to keep; otherwise it is removed")
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND",
        help=f"what to run on the site, which then ends; {CLIENTS} leads to it",
    )
    return parser


def _told(made: Site) -> str:
    lines = [
        f"ready after {made.timings['ready']:.1f} s",
        "",
        f"  compute    {made.compute_url}",
        f"  identity   {made.identity_url}",
        f"  image      {made.image_url}",
        f"  network    {made.network_url}",
        f"  placement  {made.placement_url}",
        "",
        *(f"  {one.name:<26} pid {one.pid:<8} {one.log}" for one in made.daemons.values()),
        "",
        f"  export {CLIENTS}={made.clouds_file}",
        "  openstack --os-cloud demo server create --flavor m1.tiny --image cirros --network private one",
        "  openstack --os-cloud admin compute service list",
        f"  nova-manage --config-file {made.nova_conf} cell_v2 list_cells",
        "",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)
