"""What the boot of a real guest takes, and how much of that is ours: python -m proving.hosts.boots.

Each guest is the tiny one, of 128 MiB, from an image that its host has in its cache. Times begin with the
POST: until the API says ACTIVE, and until the guest sends ssh's greeting on its network. `agent` is the step
`spawn` as the conductor sees it: nova-compute, libvirt, the disk, the interface and the broker between. `CPU`
is nova-compute's own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import requests
import sqlalchemy

from proving.hosts.cloud import IMAGE, GuestCloud, GuestPlan, guest_site

TIMEOUT = 60
BOOT_SECONDS = 300.0
LOOK_SECONDS = 0.05
_GREETED = """
import socket, sys, threading, time
end = time.time() + 300
def wait(address):
    while time.time() < end:
        try:
            with socket.create_connection((address, 22), timeout=2) as there:
                if there.recv(4) == b"SSH-":
                    print(address, time.time(), flush=True)
                    return
        except OSError:
            time.sleep(0.05)
threads = [threading.Thread(target=wait, args=(address,)) for address in sys.argv[1:]]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


@dataclass(frozen=True)
class Boot:
    """One guest's boot, in seconds."""

    active: float
    ssh: float
    agent: float


class Booter:
    """Boots guests in a cloud, and measures."""

    def __init__(self, cloud: GuestCloud) -> None:
        self._cloud = cloud
        self._http = requests.Session()
        self._http.headers["X-Auth-Token"] = cloud.site.token()
        self._http.headers["OpenStack-API-Version"] = "compute latest"
        networks = cloud.site.network.networks.values()
        self._network = next(row.id for row in networks if row.name == "private")
        flavor = {"id": "tiny", "name": "tiny", "ram": 128, "vcpus": 1, "disk": 0}
        self._ask("POST", "/flavors", {"flavor": flavor})

    def boots(self, count: int) -> list[Boot]:
        """Boot so many guests at once, and delete them. Raises RuntimeError for one that does not boot."""
        with ThreadPoolExecutor(count) as pool:
            made = list(pool.map(lambda n: self._boot(f"boot-{n}"), range(count)))
        try:
            greeted = self._greeted([address for _, _, _, address in made])
            return [
                Boot(active - began, greeted[address] - began, self._agent(server))
                for server, began, active, address in made
            ]
        finally:
            for server, *_ in made:
                self._ask("DELETE", f"/servers/{server}")
            self._until(lambda: not self._ask("GET", "/servers")["servers"])

    def cpu(self) -> float:
        """Return the CPU seconds that the nova-computes have used."""
        used = 0
        for compute in self._cloud.computes.values():
            shown = compute.host.run("systemctl", "show", "nova-compute", "--property=MainPID", "--value")
            words = compute.host.run("cat", f"/proc/{shown.strip()}/stat").rpartition(")")[2].split()
            used += int(words[11]) + int(words[12])
        return used / os.sysconf("SC_CLK_TCK")

    def _boot(self, name: str) -> tuple[str, float, float, str]:
        order = {
            "name": name,
            "imageRef": IMAGE,
            "flavorRef": "tiny",
            "networks": [{"uuid": self._network}],
        }
        began = time.time()
        server = str(self._ask("POST", "/servers", {"server": order})["server"]["id"])
        seen: dict[str, object] = {}

        def booted() -> bool:
            seen.update(self._ask("GET", f"/servers/{server}")["server"])
            if seen["status"] == "ERROR":
                raise RuntimeError(f"{name} did not boot: {seen.get('fault')}")
            return seen["status"] == "ACTIVE"

        self._until(booted)
        active = time.time()
        addresses = self._ask("GET", f"/servers/{server}")["server"]["addresses"]["private"]
        return server, began, active, str(addresses[0]["addr"])

    def _greeted(self, addresses: Sequence[str]) -> dict[str, float]:
        """Return when each guest greeted."""
        near = self._cloud.lab.hosts[self._cloud.network_host]
        told = near.run("python3", "-c", _GREETED, *addresses, seconds=BOOT_SECONDS + TIMEOUT)
        return {address: float(at) for address, at in (line.split() for line in told.splitlines())}

    def _agent(self, server: str) -> float:
        """Return how long the step was at the host."""
        text = (
            "SELECT s.sent_at, s.finished_at FROM flow_steps s JOIN flows f ON f.id = s.flow_id "
            "WHERE f.instance_uuid = :server AND f.kind = 'build' AND s.name = 'spawn' AND s.phase = 'do'"
        )
        engine = sqlalchemy.create_engine(self._cloud.site.database_urls["cell1"])
        with engine.connect() as link:
            sent, finished = link.execute(sqlalchemy.text(text), {"server": server}).one()
        engine.dispose()
        return float(finished.replace(tzinfo=UTC).timestamp() - sent)

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self._http.request(method, self._cloud.site.compute_url + path, json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def _until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + BOOT_SECONDS
        while not true():
            if time.monotonic() > end:
                raise RuntimeError("a guest does not come or go in time")
            time.sleep(LOOK_SECONDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m proving.hosts.boots", description=__doc__)
    parser.add_argument("--computes", type=int, default=1, metavar="N", help="compute hosts")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="guests that boot alone")
    parser.add_argument("--together", type=int, default=10, metavar="N", help="guests that boot at once")
    options = parser.parse_args(argv)
    with (
        tempfile.TemporaryDirectory(prefix="stratus-boots-", ignore_cleanup_errors=True) as scratch,
        guest_site(Path(scratch), GuestPlan(computes=options.computes)) as cloud,
    ):
        booter = Booter(cloud)
        for _ in cloud.computes:
            booter.boots(1)
        before = booter.cpu()
        alone = [boot for _ in range(options.rounds) for boot in booter.boots(1)]
        cpu = (booter.cpu() - before) / options.rounds
        _tell("alone", alone)
        print(f"nova-compute's CPU: {1000 * cpu:.0f} ms a guest, with its deletion", flush=True)
        began = time.monotonic()
        _tell(f"{options.together} at once", booter.boots(options.together))
        print(
            f"all of them and their deletion: {time.monotonic() - began:.1f} s; load {os.getloadavg()[0]:.1f}"
        )
    return 0


def _tell(which: str, boots: Sequence[Boot]) -> None:
    for name in ("active", "agent", "ssh"):
        seconds = [getattr(boot, name) for boot in boots]
        print(f"{which}: {name} {statistics.median(seconds):.2f} s (most {max(seconds):.2f})", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
