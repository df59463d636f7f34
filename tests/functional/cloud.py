"""A running site with what tests ask of it: its hosts, what servers hold, and trouble to order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import cast
from unittest.mock import patch

from compute_service.cmd.allinone import AllInOne
from compute_service.cmd.allinone_seed import DEMO_PROJECT, IMAGE
from compute_service.domain.errors import HostRejected
from compute_service.domain.flavor import Flavor
from compute_service.store.flavors import flavor_get, flavor_insert
from compute_service.store.servers import server_locate
from compute_service.virt.fake import FakeHypervisor
from tests.functional.caller import Caller

SMALL, BIGGER, HUGE = "test-small", "test-bigger", "test-huge"


class Cloud:
    """One all-in-one site."""

    image = IMAGE
    member_project = DEMO_PROJECT
    small_flavor, bigger_flavor, huge_flavor = SMALL, BIGGER, HUGE

    def __init__(self, site: AllInOne) -> None:
        self.site = site
        sizes = ((SMALL, 1, 64, 1), (BIGGER, 2, 128, 1), (HUGE, 100_000, 64, 1))
        with site.store.api.write() as tx:
            for flavorid, vcpus, memory, root in sizes:
                if flavor_get(tx, flavorid) is None:
                    flavor_insert(
                        tx,
                        Flavor(flavorid=flavorid, name=flavorid, vcpus=vcpus, memory_mb=memory, root_gb=root),
                    )

    @property
    def private_network(self) -> str:
        """The network that servers are on."""
        return next(net.id for net in self.site.network.networks.values() if net.name == "private")

    def caller(self, user: str, project: str | None = None) -> Caller:
        """Return a client of the compute API for a user of the site."""
        return Caller(self.site.url, self.site.token(user, project))

    def user_id(self, user: str) -> str:
        """Return the identifier of a user."""
        return str(self.site.identity.find(self.site.identity.users.values(), user).id)

    def newcomer(self, user: str, project: str, *roles: str) -> Caller:
        """Make a user with roles in a project, and the project if need be; return a client for that user."""
        identity = self.site.identity
        known = {one.name: one for one in identity.projects.values()}
        scope = known.get(project) or identity.add_project(project)
        if user not in {one.name for one in identity.users.values()}:
            made = identity.add_user(user, "secret")
            for role in roles:
                identity.grant(made, role, scope)
        return self.caller(user, project)

    @property
    def hosts(self) -> list[str]:
        """The names of the compute hosts."""
        return list(self.site.hypervisors)

    def hypervisor(self, host: str) -> FakeHypervisor:
        """Return a host's hypervisor."""
        return cast(FakeHypervisor, self.site.hypervisors[host])

    def guests(self, host: str) -> set[str]:
        """Return the guests that stand on a host."""
        return {guest.uuid for guest in self.hypervisor(host).guests()}

    @staticmethod
    def host_of(admin: Caller, server: str) -> str:
        """Return where a server is."""
        return str(admin.server(server)["OS-EXT-SRV-ATTR:host"])

    def allocated(self, consumer: str) -> dict[str, int]:
        """Return what a consumer holds on all providers together."""
        held = self.site.placement.allocations(consumer)
        total: dict[str, int] = {}
        for amounts in (held.allocations if held else {}).values():
            for name, amount in amounts.items():
                total[name] = total.get(name, 0) + amount
        return total

    def traces_of(self, server: str, row: bool = True) -> list[str]:
        """Return what is left of a server anywhere."""
        found = [f"guest on {host}" for host in self.hosts if server in self.guests(host)]
        if self.allocated(server):
            found.append("allocations")
        found += [f"port {p.id}" for p in self.site.network.ports.values() if p.device_id == server]
        if row and server_locate(self.site.store, server) is not None:
            found.append("row")
        return found

    def image_status(self, image: str) -> str:
        """Return an image's status."""
        return self.site.images.show(image).status

    @contextmanager
    def failing(self, verb: str, times: int) -> Iterator[None]:
        """Let a verb fail half done the next times, on whatever hosts are asked."""
        left = iter(range(times))

        def strike(asked: str, uuid: str | None, half: bool) -> None:
            if asked == verb and half and next(left, None) is not None:
                raise HostRejected(f"{verb} does not work here")

        with ExitStack() as stack:
            for host in self.hosts:
                stack.enter_context(patch.object(self.hypervisor(host).faults, "strike", strike))
            yield

    @contextmanager
    def slow(self, verb: str, seconds: float) -> Iterator[None]:
        """Let a verb take its time on every host."""
        hypervisors = [self.hypervisor(host) for host in self.hosts]
        for hypervisor in hypervisors:
            hypervisor._latency[verb] = seconds
        try:
            yield
        finally:
            for hypervisor in hypervisors:
                hypervisor._latency.pop(verb, None)
