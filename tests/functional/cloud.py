"""A running site with what tests ask of it: its hosts, what servers hold, and trouble to order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from compute_service.agent.start import Agent
from compute_service.clients.fake.network import FakeNetwork
from compute_service.cmd.allinone_seed import IMAGE, PASSWORD
from compute_service.domain.errors import HostRejected
from compute_service.domain.flavor import Flavor
from compute_service.domain.image import Image
from compute_service.ports.images import Images
from compute_service.ports.placement import Placement
from compute_service.store.database import Database
from compute_service.store.engine import Store
from compute_service.store.flavors import flavor_get, flavor_insert
from compute_service.store.servers import server_locate
from compute_service.virt.fake import FakeHypervisor
from tests.functional.caller import Caller, wait_for

METADATA_SECRET = PASSWORD
SMALL, BIGGER, HUGE = "test-small", "test-bigger", "test-huge"


class Cloud(ABC):
    """A site. Its hypervisors and its network are in this process; the rest may be anywhere."""

    image = IMAGE
    small_flavor, bigger_flavor, huge_flavor = SMALL, BIGGER, HUGE
    url: str
    """The compute API's address."""
    metadata_url: str
    """The metadata service's; `METADATA_SECRET` signs the requests of the network service's proxy."""
    store: Store
    network: FakeNetwork
    images: Images
    placement: Placement
    hypervisors: Mapping[str, FakeHypervisor]
    agents: list[Agent]
    """The compute agents, which have the hosts."""

    @abstractmethod
    def close(self) -> None:
        """End it. Raises AssertionError when work was left undone."""

    @abstractmethod
    def token(self, user: str, project: str | None = None) -> str:
        """Return a token of a user for a project, by default the user's own."""

    @abstractmethod
    def user_id(self, user: str) -> str:
        """Return the identifier of a user."""

    @abstractmethod
    def project_id(self, name: str) -> str:
        """Return the identifier of a project, which is made if there is none of that name."""

    @abstractmethod
    def enlist(self, user: str, project: str, *roles: str) -> None:
        """Make a user with roles in a project, unless there is one of that name, and maybe the project."""

    @abstractmethod
    def add_image(self, image: Image, data: bytes) -> None:
        """Make an image that has its data and that everybody sees."""

    @abstractmethod
    def clouds_yaml(self) -> str:
        """Return a clouds.yaml in which `stratus` is demo and `stratus-admin` is admin."""

    def seed(self) -> None:
        """Make the flavors that tests use."""
        sizes = ((SMALL, 1, 64, 1), (BIGGER, 2, 128, 1), (HUGE, 100_000, 64, 1))
        with self.store.api.write() as tx:
            for flavorid, vcpus, memory, root in sizes:
                if flavor_get(tx, flavorid) is None:
                    flavor_insert(
                        tx,
                        Flavor(flavorid=flavorid, name=flavorid, vcpus=vcpus, memory_mb=memory, root_gb=root),
                    )

    @property
    def member_project(self) -> str:
        """The identifier of the project that most users belong to."""
        return self.project_id("demo")

    @property
    def private_network(self) -> str:
        """The network that servers are on."""
        return self._network_named("private")

    @property
    def external_network(self) -> str:
        """The network that leads out."""
        return self._network_named("public")

    def _network_named(self, name: str) -> str:
        return next(net.id for net in self.network.networks.values() if net.name == name)

    def caller(self, user: str, project: str | None = None) -> Caller:
        """Return a client of the compute API for a user of the site."""
        return Caller(self.url, self.token(user, project))

    def newcomer(self, user: str, project: str, *roles: str) -> Caller:
        """Make a user with roles in a project, and the project if need be; return a client for that user."""
        self.enlist(user, project, *roles)
        return self.caller(user, project)

    def database_of(self, server: str) -> Database:
        """Return the database that a server is in."""
        located = server_locate(self.store, server)
        assert located is not None
        return self.store.database(located.database)

    @property
    def hosts(self) -> list[str]:
        """The names of the compute hosts."""
        return list(self.hypervisors)

    def others(self, host: str) -> list[str]:
        """The other hosts of a host's cell: what is before `host-` in their names is the cell's."""
        cell = host.rpartition("host-")[0]
        return [one for one in self.hosts if one != host and one.rpartition("host-")[0] == cell]

    def hypervisor(self, host: str) -> FakeHypervisor:
        """Return a host's hypervisor."""
        return self.hypervisors[host]

    def guests(self, host: str) -> set[str]:
        """Return the guests that stand on a host."""
        return {guest.uuid for guest in self.hypervisor(host).guests()}

    @staticmethod
    def host_of(admin: Caller, server: str) -> str:
        """Return where a server is."""
        return str(admin.server(server)["OS-EXT-SRV-ATTR:host"])

    def allocated(self, consumer: str) -> dict[str, int]:
        """Return what a consumer holds on all providers together."""
        held = self.placement.allocations(consumer)
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
        found += [f"port {p.id}" for p in self.network.ports.values() if p.device_id == server]
        if row and server_locate(self.store, server) is not None:
            found.append("row")
        return found

    def image_status(self, image: str) -> str:
        """Return an image's status."""
        return self.images.show(image).status

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

    def look_around(self, host: str) -> None:
        """Have a host compare its guests with its servers, as it does from time to time."""
        for agent in self.agents:
            for one in agent.hosts:
                if one.identity.host == host:
                    one.orphans.sweep()

    @contextmanager
    def down(self, admin: Caller, host: str) -> Iterator[None]:
        """Have a host count as down. In the end it is back, and has cleaned up what was evacuated from it."""
        (service,) = admin.get(f"/os-services?binary=nova-compute&host={host}").body["services"]
        path = f"/os-services/{service['id']}"
        assert admin.put(path, {"forced_down": True}).status == 200

        def is_back() -> bool:
            self.look_around(host)
            return admin.put(path, {"forced_down": False}).status == 200

        try:
            yield
        finally:
            wait_for(is_back, 30)

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
