"""Keeps a cloud with real guests until Ctrl-C, and tells its use: python -m proving.hosts [--computes N]."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from proving.hosts.cloud import GuestCloud, GuestPlan, guest_site
from proving.keep import CLIENTS
from proving.lab import Unable
from proving.lab.command import Failed
from proving.process import Missing, NotReady


def main(argv: Sequence[str] | None = None) -> int:
    """Start a cloud with real guests and keep it until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m proving.hosts", description=__doc__)
    parser.add_argument("--computes", type=int, default=1, metavar="N", help="compute hosts")
    options = parser.parse_args(argv)
    stopping = threading.Event()
    # A shell that starts this in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="stratus-guests-", ignore_cleanup_errors=True) as scratch:
        try:
            print("starting (some minutes the first time, while the hosts' root is made)", flush=True)
            with guest_site(Path(scratch), GuestPlan(computes=options.computes)) as cloud:
                print(_told(cloud), flush=True)
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, lambda *_: stopping.set())
                while not stopping.wait(1.0):
                    pass
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        except (ValueError, Unable, Missing, Failed, NotReady, RuntimeError) as error:
            print(f"the cloud did not start: {error}", file=sys.stderr)
            return 1
    print("ended")
    return 0


def _told(cloud: GuestCloud) -> str:
    config = cloud.lab.folder / "ssh_config"
    name = next(iter(cloud.computes))
    create = "server create --flavor m1.nano --image guest --network private --wait one"
    lines = [
        "",
        f"  export {CLIENTS}={cloud.site.clouds_file}",
        f"  openstack --os-cloud demo {create}",
        "  openstack --os-cloud demo console log show one",
        f"  ssh -F {config} {name} virsh list",
        f"  ssh -F {config} {name} journalctl --follow --unit nova-compute",
        f"  ssh -F {config} {cloud.network_host}      # where guests answer",
        "",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
