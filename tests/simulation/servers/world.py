"""A whole installation in one thread: users, conductors, hosts and the services outside, by seed."""

from __future__ import annotations

import dataclasses
import random
import uuid
from dataclasses import dataclass
from typing import Any, cast

from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.placement import FakePlacement
from compute_service.clients.notify import MemoryNotifier
from compute_service.config.settings import Settings
from compute_service.control.liveness import host_is_up
from compute_service.control.services import Services
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import UNFINISHED
from compute_service.domain.image import Image
from compute_service.store.engine import Store
from compute_service.store.flavors import flavor_insert
from compute_service.store.flows import flow_count_by_state
from compute_service.store.mappings import host_mapping_insert
from compute_service.virt.fake import Exchange
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import EAST, WEST
from tests.simulation.faults import Faults, Odds
from tests.simulation.servers.conductors import Conductors, Line
from tests.simulation.servers.hosts import Post, SimHost, Surroundings
from tests.simulation.servers.outside import Chooser, Troubled
from tests.simulation.wires import Wires

HOSTS = {"e1": EAST, "e2": EAST, "e3": EAST, "w1": WEST}
FLAVORS = (
    Flavor(flavorid="1", name="small", vcpus=1, memory_mb=512, root_gb=1),
    Flavor(flavorid="2", name="large", vcpus=2, memory_mb=1024, root_gb=2, ephemeral_gb=1),
)
IMAGE = "11111111-1111-4111-8111-111111111111"
SWEEP_EVERY = 5.0
BEAT_EVERY = 10.0
LOOK_EVERY = 60.0


@dataclass(frozen=True)
class Plan:
    """How long trouble lasts and how long the calm after it may take, in seconds; how many servers."""

    troubled: float = 400.0
    calm: float = 30_000.0
    orders: int = 5


def settings() -> Settings:
    """Return settings in which soft-deleted servers are kept for a while."""
    made = Settings()
    return dataclasses.replace(
        made,
        default=dataclasses.replace(
            made.default, reclaim_instance_interval=300, max_concurrent_builds=2, shelved_offload_time=300
        ),
    )


class World:
    """One run."""

    def __init__(self, seed: int, store: Store, clock: ManualClock, odds: Odds) -> None:
        self.rnd = random.Random(seed)
        self.store, self.clock = store, clock
        self.faults = Faults(self.rnd, odds)
        self.faults.calm = True
        self.wires = Wires(self.faults, clock.time)
        self.settings = settings()
        self.exchange = Exchange()
        self.placement, self.images = FakePlacement(), FakeImages(clock)
        ids = random.Random(seed)
        self.network = FakeNetwork(clock, lambda: str(uuid.UUID(int=ids.getrandbits(128), version=4)))
        self.conductors = Conductors(self.faults)
        self._nodes: dict[str, tuple[str, str]] = {}
        """Provider → cell and host."""
        self.users = self._services(self.placement, self.network, self.images)
        """What users reach: their requests fail or succeed at once."""
        self.svc = self._services(
            Troubled(self.placement, self.faults),
            Troubled(self.network, self.faults),
            Troubled(self.images, self.faults),
        )
        self.hosts = {name: self._host(name, cell) for name, cell in HOSTS.items()}
        self._furnish()
        self._next_sweep = self._next_beat = self._next_look = 0.0

    def _services(self, placement: Any, network: Any, images: Any) -> Services:
        line = Line(self.conductors, self.wires, self.faults)
        return Services(
            store=self.store,
            clock=self.clock,
            notify=MemoryNotifier(),
            conductor=line,
            scheduler=Chooser(placement, self._nodes, self._is_up, self.rnd),
            agent=lambda cell, host: cast(Any, Post(self.hosts[host], self.wires)),
            identity=cast(Any, None),
            images=images,
            network=network,
            placement=placement,
            settings=self.settings,
        )

    def _host(self, name: str, cell: str) -> SimHost:
        around = Surroundings(
            conductor=Line(self.conductors, self.wires, self.faults, cell),
            images=cast(Any, Troubled(self.images, self.faults)),
            placement=self.placement,
            settings=self.settings,
            exchange=self.exchange,
            clock=self.clock,
            faults=self.faults,
            wires=self.wires,
        )
        host = SimHost(name, cell, around)
        self._nodes[host.node] = (cell, name)
        return host

    def _furnish(self) -> None:
        """Set up what an operator sets up, without trouble."""
        self.conductors.begin(self.svc, lambda cell, host: host_is_up(self.svc, cell, host))
        self.images.add(Image(id=IMAGE, name="image", disk_format="raw"), b"bits")
        self.network.add_network("private", shared=True)
        with self.store.api.write() as tx:
            for flavor in FLAVORS:
                flavor_insert(tx, flavor)
            for name, cell in HOSTS.items():
                host_mapping_insert(tx, name, cell)
        for host in self.hosts.values():
            host.boot()
            host.beat()
        self.drain()

    def _is_up(self, host: str) -> bool:
        return host_is_up(self.users, HOSTS[host], host)

    def drain(self) -> None:
        """Deliver all that is under way and do all that is ready."""
        while not self._is_quiet():
            if self.wires.waiting:
                self.wires.take()()
            for host in self.hosts.values():
                if host.has_mail:
                    host.take_mail()
                if host.stepper.ready:
                    host.step()

    def _is_quiet(self) -> bool:
        hosts = self.hosts.values()
        return not self.wires.waiting and not any(host.has_mail or host.stepper.ready for host in hosts)

    def one_event(self) -> None:
        """Let one thing happen. It takes a moment."""
        self.clock.advance(0.001)
        now = self.clock.time()
        ready = [host for host in self.hosts.values() if host.stepper.ready and not host.down]
        if now >= self._next_beat:
            self._next_beat = now + BEAT_EVERY
            for host in self.hosts.values():
                host.beat()
        elif now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            self.conductors.set_right()
        elif now >= self._next_sweep:
            self._next_sweep = now + SWEEP_EVERY
            self.conductors.sweep()
        elif mail := [host for host in self.hosts.values() if host.has_mail]:
            self.rnd.choice(mail).take_mail()
        elif self.wires.waiting and (not ready or self.rnd.random() < 0.6):
            self.wires.take()()
        elif ready:
            self.rnd.choice(ready).step()
        elif self.faults.calm:
            self.clock.advance(max(0.0, min(self._next_sweep, self._next_beat) - now))

    def at_rest(self) -> bool:
        """Tell whether nothing is under way."""
        return self._is_quiet() and not any(state in UNFINISHED for state in self.flow_states())

    def flow_states(self) -> dict[Any, int]:
        """Return how many unfinished and stuck flows there are in all databases, by state."""
        found: dict[Any, int] = {}
        for name in self.store.names():
            with self.store.database(name).read() as tx:
                for state, number in flow_count_by_state(tx).items():
                    found[state] = found.get(state, 0) + number
        return found
