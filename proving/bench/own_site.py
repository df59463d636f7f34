"""Our own cloud under measurement: how its daemons become groups, and what only an own site lets us do."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import time
from pathlib import Path
from typing import cast

from proving.bench.processes import children, cpu_seconds, pss_megabytes, pss_megabytes_alone
from proving.bench.target import CONTROL_PLANE, Target
from proving.conf import write_nova_conf
from proving.daemon import BIN, Daemon
from proving.infrastructure.mariadb import MariaDb
from proving.plan import Plan
from proving.ports import free_port
from proving.site import Site

HOSTS = "nova-compute-cell1"
_HOSTS_LINE = re.compile(r"(?m)^(hosts = )\d+$")
_DAEMON_GROUPS = {
    "nova-api": "api",
    "nova-api-metadata": "metadata",
    "nova-scheduler": "scheduler",
    "nova-conductor": "conductor",
    "nova-compute": "compute",
    "stratus-compute": "control",
}
_PARENT = "stratus-control"
_COMPUTE_CHILDREN = {program[:15]: group for program, group in _DAEMON_GROUPS.items()}
"""As the kernel shows names of processes."""
_SCHEMA_SECONDS = 60.0
_START_SECONDS, _HOST_SECONDS = 120.0, 0.6
"""How long hosts may take to come up: all, and each."""
_SCHEMA_ORDERS = (
    ("api_db", "sync"),
    ("cell_v2", "map_cell0"),
    ("cell_v2", "create_cell", "--name", "cell1"),
    ("db", "sync"),
)


def plan(hosts: int) -> Plan:
    """Return the cloud that is measured: two API workers, metadata, a scheduler, two conductors."""
    options: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "metadata_listen": "127.0.0.1",
            "metadata_listen_port": free_port(),
            "metadata_workers": 1,
        }
        # The intervals that installations have; a site for tests has shorter ones.
        | {"report_interval": 10, "service_down_time": 60},
        "stratus": {"flow_sweep_interval": 5, "resend_interval": 10, "flow_lease": 30},
    }
    options["conductor"] = {"workers": 2}
    return Plan(hosts=hosts, options=options)


def add_metadata(site: Site) -> None:
    """Start the daemon that guests ask, which a site has not by itself."""
    site.add_daemon("nova-api-metadata", "nova-api-metadata", site.nova_conf).ready()


def put_under_one_parent(site: Site) -> None:
    """Run the same daemons of the control plane as children of one, instead of each by itself."""
    for name in [name for name in site.daemons if name != HOSTS]:
        site.daemons.pop(name).stop()
    parent = Daemon(_PARENT, "stratus-compute", [site.nova_conf], site.folder, ("control",))
    site.daemons[_PARENT] = parent
    parent.start()
    parent.ready()


def target_of(site: Site, label: str) -> Target:
    """Return the endpoint of a site with all that is known of it."""
    return Target(
        label=label,
        url=site.compute_url,
        token=site.token,
        image=site.image,
        flavor="1",
        groups=lambda: groups_of(site),
        alone=lambda: {"parent": [site.daemons[_PARENT].pid]} if _PARENT in site.daemons else {},
        connect=cast(MariaDb, site.infrastructure["mariadb"]).connect,
        schemas=tuple(site.plan.schemas.values()),
        placement_log=site.infrastructure["placement"].log,
    )


def groups_of(site: Site) -> dict[str, list[int]]:
    """Return which processes run for what. What each started is in the trees below them."""
    found: dict[str, list[int]] = {}
    for one in site.daemons.values():
        if one.name != _PARENT:
            found.setdefault(_DAEMON_GROUPS[one.program], []).append(one.pid)
            continue
        for child in children(one.pid):
            found.setdefault(_COMPUTE_CHILDREN[child.name], []).append(child.pid)
    # Servers that leave the process that started them are found by their session.
    return found | {name: one.pids() for name, one in site.infrastructure.items()}


def change_hosts(site: Site, count: int) -> None:
    """Run so many fake hosts from now on, all mapped to their cell."""
    path = site.conf_of("cell1")
    text, changed = _HOSTS_LINE.subn(rf"\g<1>{count}", path.read_text())
    if not changed:
        raise RuntimeError(f"{path} does not say how many hosts there are")
    path.write_text(text)
    hosts = site.daemons[HOSTS]
    hosts.stop()
    hosts.start()
    hosts.ready(_START_SECONDS + count * _HOST_SECONDS)
    site.discover()


def start_seconds(site: Site, rounds: int = 3) -> dict[str, tuple[float, float]]:
    """Stop each daemon and start it; return medians of seconds until it was ready, and of its CPU seconds."""
    one_each: dict[str, Daemon] = {}
    for daemon in site.daemons.values():
        one_each.setdefault(_DAEMON_GROUPS[daemon.program], daemon)
    return {name: _start_of(daemon, rounds) for name, daemon in one_each.items()}


def restart_control_plane(site: Site) -> None:
    """Start the daemons anew, so that what they hold is what a start brings."""
    for daemon in site.daemons.values():
        daemon.restart()


def memory(target: Target) -> dict[str, float]:
    """Return the megabytes of the control plane's groups."""
    sizes = pss_megabytes(target.groups())
    found = {name: sizes[name] for name in CONTROL_PLANE if name in sizes}
    return found | pss_megabytes_alone(target.alone())


def schema_seconds(site: Site, folder: Path) -> tuple[float, float]:
    """Make all schemas from nothing beside those of the site; return seconds and CPU seconds.

    Four runs of nova-manage: the API's database, cell0, a cell, and the databases of both.
    """
    server = cast(MariaDb, site.infrastructure["mariadb"])
    names = ("bench_api", "bench_cell0", "bench")
    with server.connect() as connection, connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name}")
    # cell0 is found by its name, as an installation's is.
    api, cell = server.url("bench_api"), server.url("bench")
    folder.mkdir(exist_ok=True)
    conf = write_nova_conf(
        folder / "bench.conf",
        site.plan,
        {"transport": site.broker_urls["cell1"], "api": api, "cell": cell},
        site.keystone.credentials(),
        {},
    )
    before = os.times()
    began = time.monotonic()
    for words in _SCHEMA_ORDERS:
        command = [str(BIN / "nova-manage"), "--config-file", str(conf), *words]
        subprocess.run(command, check=True, capture_output=True, timeout=_SCHEMA_SECONDS)  # noqa: S603
    seconds = time.monotonic() - began
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used


def _start_of(daemon: Daemon, rounds: int) -> tuple[float, float]:
    waits, used = [], []
    for _ in range(rounds):
        daemon.stop()
        began = time.monotonic()
        daemon.start()
        daemon.ready()
        waits.append(time.monotonic() - began)
        used.append(cpu_seconds({"it": [daemon.pid]})["it"])
    return statistics.median(waits), statistics.median(used)
