"""`stratus-compute all-in-one`: a whole site on this machine, for development."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

TEMPORARY = "temporary"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "--port", type=int, default=8774, help="the port on 127.0.0.1 (0: any; default %(default)s)"
    )
    parser.add_argument(
        "--hosts", type=int, default=3, metavar="N", help="fake compute hosts (default %(default)s)"
    )
    parser.add_argument(
        "--data",
        default=TEMPORARY,
        metavar="DIR",
        help="where databases and guests are kept; `temporary`, the default, keeps nothing",
    )
    parser.add_argument(
        "--placement",
        choices=("real", "fake"),
        default="real",
        help="the real placement service within this process, or one in memory (default real)",
    )
    parser.add_argument(
        "--no-auth", action="store_true", help="believe every request: a token is user:project:role"
    )
    parser.add_argument("--debug", action="store_true", help="log everything")
    parser.add_argument("--log-file", metavar="FILE", help="log to a file instead of the error stream")


def run(options: argparse.Namespace) -> int:
    """Run the site until Ctrl-C; returns the exit code."""
    from compute_service.cmd.bell import Bell
    from compute_service.cmd.logs import configure
    from compute_service.config.settings import settings_of

    started = _process_started()
    logging_options = {"debug": options.debug, "log_file": options.log_file}
    if not options.debug:
        logging_options["default_log_levels"] = ("alembic=WARN", "placement=WARN", "oslo_db=WARN")
    configure(settings_of({"DEFAULT": logging_options}), "all-in-one")
    bell = Bell()
    bell.attach()

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        bell.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    from compute_service.cmd.allinone import AllInOne, Wishes, clouds_yaml

    try:
        site = AllInOne.start(
            Wishes(
                port=options.port,
                hosts=options.hosts,
                directory=None if options.data == TEMPORARY else Path(options.data),
                real_placement=options.placement == "real" and _has_placement(),
                auth=not options.no_auth,
                settle=False,
            )
        )
    except OSError as error:
        print(f"stratus-compute: cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    path = site.directory / "clouds.yaml"
    path.write_text(clouds_yaml(site))
    print(_greeting(site.url, path, options.hosts, time.time() - started), flush=True)
    bell.wait()
    print("stopping", flush=True)
    return 0 if site.stop() else 1


def _has_placement() -> bool:
    from importlib.util import find_spec

    if find_spec("placement") is not None:
        return True
    print("openstack-placement is not installed: placement is kept in memory", file=sys.stderr)
    return False


def _process_started() -> float:
    """Return when this process began, in seconds since the epoch."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")


def _greeting(url: str, clouds: Path, hosts: int, seconds: float) -> str:
    return f"""
Stratus all-in-one is ready after {seconds:.1f} s. FOR DEVELOPMENT ONLY: {hosts} fake hosts, known passwords.

  compute API  {url}
  clouds.yaml  {clouds}   (clouds `stratus`: user demo; `stratus-admin`: user admin)

In another shell:

  export OS_CLIENT_CONFIG_FILE={clouds} OS_CLOUD=stratus
  openstack flavor list
  openstack server create --flavor m1.tiny --image cirros --wait first
  openstack server list
  openstack --os-cloud stratus-admin hypervisor list

Ctrl-C stops it."""
