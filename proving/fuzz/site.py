"""The site that is asked: everything in this process, tokens that say who asks, and room for servers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from compute_service.clients.fake.placement import FakePlacement
from compute_service.cmd.allinone import AllInOne
from compute_service.cmd.allinone_seed import ADMIN_PROJECT, DEMO_PROJECT, IMAGE
from compute_service.domain.flow import UNFINISHED
from compute_service.domain.image import Image
from compute_service.store.flows import FlowQuery, flow_page
from compute_service.store.quotas import quota_usage
from proving.fuzz.keeper import Keeper
from proving.fuzz.stock import Stock
from proving.fuzz.target import InProcess

OTHER_PROJECT = "99999999222233334444555555555555"
_SERVICE_PROJECT = "55555555222233334444555555555555"
PROJECTS: Mapping[str, str] = {
    "admin": ADMIN_PROJECT,
    "manager": DEMO_PROJECT,
    "member": DEMO_PROJECT,
    "reader": DEMO_PROJECT,
    "service": _SERVICE_PROJECT,
    "other": OTHER_PROJECT,
}
_USERS = {"admin": "admin", "service": "nova", "other": "mallory"}
_HELD = {"other": "member"}


@dataclass
class FuzzSite:
    """A running site with its keeper."""

    site: AllInOne
    target: InProcess
    stock: Stock
    keeper: Keeper
    tokens: Mapping[str, str] = field(default_factory=dict)

    def leftovers(self, seconds: float = 60.0) -> list[str]:
        """Delete everything; return what is not finished or still held after a bounded time."""
        self.keeper.tend()
        limit = time.monotonic() + seconds
        found = self._busy()
        while found and time.monotonic() < limit:
            time.sleep(0.1)
            found = self._busy()
        if found:
            return found
        while time.monotonic() < limit:
            for server in self.keeper.servers():
                self.keeper.delete(server["id"])
            found = self._busy() + self._held()
            if not found:
                break
            time.sleep(0.2)
        return found

    def _busy(self) -> list[str]:
        store, found = self.site.store, []
        for name in store.names():
            with store.database(name).read() as tx:
                flows = flow_page(tx, FlowQuery(states=(*UNFINISHED,)))
            found += [f"flow {one.id} ({one.kind}) is {one.state}" for one in flows]
        for one in self.keeper.servers():
            task = one["OS-EXT-STS:task_state"]
            if task is not None or one["status"] == "BUILD":
                found.append(f"server {one['id']} is {one['status']} and {task}")
        return found

    def _held(self) -> list[str]:
        site = self.site
        found = [f"server {one['id']} is {one['status']}" for one in self.keeper.servers()]
        found += [f"{uuid} holds {held}" for uuid, held in self._allocations().items()]
        found += [f"port {one.id} of {one.device_id}" for one in site.network.ports.values() if one.device_id]
        for host, driver in site.hypervisors.items():
            found += [f"guest {guest.uuid} on {host}" for guest in driver.guests()]
        with site.store.api.read() as tx:
            for project in {*PROJECTS.values()}:
                used = quota_usage(tx, project)
                if used.instances or used.cores or used.ram:
                    found.append(f"project {project} uses {used}")
        return found

    def _allocations(self) -> Mapping[str, object]:
        placement = self.site.placement
        assert isinstance(placement, FakePlacement)  # noqa: S101
        return placement.allocations_by_consumer


@contextmanager
def fuzz_site() -> Iterator[FuzzSite]:
    """Start a site, fill its stock, and end it."""
    options = {
        "DEFAULT": {"max_concurrent_builds": 10, "reclaim_instance_interval": 36000},
        "quota": {"instances": 60, "cores": 200, "ram": 400000},
        "spice": {"enabled": True},
        "serial_console": {"enabled": True},
    }
    site = AllInOne.start(hosts=3, auth=False, options=options)
    target = InProcess(site.server.mounts["/compute"])
    try:
        tokens = {
            role: f"{_USERS.get(role, 'demo')}:{project}:{_HELD.get(role, role)}"
            for role, project in PROJECTS.items()
        }
        network = next(one.id for one in site.network.networks.values() if one.name == "private")
        fixed = {
            "prefix": "",
            "image": IMAGE,
            "network": network,
            "picture": site.images.add(Image(id=str(uuid4()), name="picture"), bytes(64)).id,
            "project": DEMO_PROJECT,
            "other project": OTHER_PROJECT,
        }
        stock = Stock()
        yield FuzzSite(site, target, stock, Keeper(target, stock, tokens, fixed), tokens)
    finally:
        target.close()
        site.stop(30.0)
