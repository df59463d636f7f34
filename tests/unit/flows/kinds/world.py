"""A small installation in one thread: the real store, engine and kinds, fakes outside, messages by hand.

`World.settle` delivers messages and lets time pass until no flow has anything left to do.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

from compute_service.agent.consoles import Consoles
from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.placement import FakePlacement
from compute_service.clients.notify import MemoryNotifier
from compute_service.conductor.hosts import Hosts
from compute_service.conductor.power import PowerSync
from compute_service.config.settings import Settings
from compute_service.control.create import create_servers
from compute_service.control.find import find_server
from compute_service.control.liveness import host_is_up
from compute_service.control.services import Services
from compute_service.domain.console import Console
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import UNFINISHED, Failure, FlowKey, FlowRecord, StepKey, StepResult
from compute_service.domain.guest import (
    DisksMoved,
    GuestBuilt,
    GuestSpec,
    LiveOffer,
    LiveReady,
    SnapshotRequest,
)
from compute_service.domain.host import ComputeNode, ResourceInventory, Service
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.domain.order import ServerOrder
from compute_service.domain.record import Record
from compute_service.domain.request import Claim, Decision, Selection, SelectRequest
from compute_service.domain.states import PowerState
from compute_service.domain.vif import RequestedNetworks, Vif
from compute_service.flows.engine import Engine
from compute_service.flows.kinds import FLOWS
from compute_service.ports.placement import CandidateQuery, ConsumerAllocations, Provider
from compute_service.store.compute_nodes import compute_node_upsert
from compute_service.store.dialects import DatabaseDown
from compute_service.store.embedded import embedded_cell
from compute_service.store.engine import Store
from compute_service.store.flavors import flavor_insert
from compute_service.store.flows import FlowQuery, flow_page
from compute_service.store.mappings import host_mapping_insert
from compute_service.store.servers import Located
from compute_service.store.services import service_touch, service_upsert
from compute_service.virt.fake import Exchange, FakeHypervisor
from tests.fakes.clock import ManualClock

IMAGE = "11111111-1111-4111-8111-111111111111"
CELL = embedded_cell("cell1")
SMALL = Flavor(flavorid="1", name="small", vcpus=1, memory_mb=512, root_gb=1)
LARGE = Flavor(flavorid="2", name="large", vcpus=2, memory_mb=1024, root_gb=2)
MEMBER = Context(request_id="req-1", user_id="ann", project_id="p1", roles=("member",))
ADMIN = Context(request_id="req-2", user_id="root", project_id="admin", roles=("admin",), is_admin=True)


def no_progress(fraction: float) -> None:
    """Hear how far a verb is, and ignore it."""


class Crash(BaseException):
    """The conductor dies here."""


class Agent:
    """One host's agent as flows see it: it queues each message, and works when the message is delivered."""

    def __init__(self, world: World, driver: FakeHypervisor) -> None:
        self._world, self._driver = world, driver
        self.answered: dict[StepKey, StepResult] = {}
        self.disabled: bool | None = None

    def _take(self, key: StepKey, work: Callable[[], Record | None]) -> None:
        self._world.messages.append(lambda: self._work(key, work))

    def _work(self, key: StepKey, work: Callable[[], Record | None]) -> None:
        if key not in self.answered:
            self.answered[key] = _outcome(work)
        self._world.engine.finished(key, self.answered[key])

    def _power(self, key: StepKey, verb: Callable[[], PowerState]) -> None:
        self._take(key, lambda: GuestBuilt(power_state=verb()))

    def spawn(self, key: StepKey, spec: GuestSpec) -> None:
        self._world.specs.append(spec)
        self._power(key, lambda: self._driver.spawn(spec, no_progress))

    def destroy(self, key: StepKey, uuid: str, disks: bool) -> None:
        self._take(key, lambda: self._driver.destroy(uuid, disks))

    def power_on(self, key: StepKey, spec: GuestSpec) -> None:
        self._power(key, lambda: self._driver.power_on(spec))

    def power_off(self, key: StepKey, uuid: str, timeout: int) -> None:
        self._power(key, lambda: self._driver.power_off(uuid, timeout))

    def reboot(self, key: StepKey, spec: GuestSpec, hard: bool) -> None:
        self._power(key, lambda: self._driver.reboot(spec, hard))

    def pause(self, key: StepKey, uuid: str) -> None:
        self._power(key, lambda: self._driver.pause(uuid))

    def unpause(self, key: StepKey, uuid: str) -> None:
        self._power(key, lambda: self._driver.unpause(uuid))

    def suspend(self, key: StepKey, uuid: str) -> None:
        self._power(key, lambda: self._driver.suspend(uuid))

    def resume(self, key: StepKey, spec: GuestSpec) -> None:
        self._power(key, lambda: self._driver.resume(spec))

    def rebuild(self, key: StepKey, spec: GuestSpec, preserve_ephemeral: bool) -> None:
        self._world.specs.append(spec)
        self._power(key, lambda: self._driver.rebuild(spec, preserve_ephemeral, no_progress))

    def rescue(self, key: StepKey, spec: GuestSpec, image: Image) -> None:
        self._power(key, lambda: self._driver.rescue(spec, image, no_progress))

    def unrescue(self, key: StepKey, spec: GuestSpec) -> None:
        self._power(key, lambda: self._driver.unrescue(spec))

    def attach_nic(self, key: StepKey, spec: GuestSpec, vif: Vif) -> None:
        self._take(key, lambda: self._driver.attach_nic(spec, vif))

    def detach_nic(self, key: StepKey, spec: GuestSpec, vif: Vif) -> None:
        self._take(key, lambda: self._driver.detach_nic(spec, vif))

    def set_password(self, uuid: str, password: str) -> bool:
        self._driver.set_password(uuid, password)
        return True

    def crash_dump(self, uuid: str) -> bool:
        self._driver.crash_dump(uuid)
        return True

    def snapshot(self, key: StepKey, request: SnapshotRequest) -> None:
        def work() -> None:
            disk_format, data = self._driver.snapshot(request.uuid, request.disk_format)
            self._world.images.upload(request.image_id, data, disk_format)

        self._take(key, work)

    def migrate_out(self, key: StepKey, spec: GuestSpec, target: str, target_ip: str | None) -> None:
        self._take(key, lambda: self._driver.migrate_out(spec, target, target_ip))

    def migrate_in(self, key: StepKey, spec: GuestSpec, moved: DisksMoved, resize: bool) -> None:
        self._power(key, lambda: self._driver.migrate_in(spec, moved, resize))

    def migrate_back(self, key: StepKey, spec: GuestSpec) -> None:
        self._power(key, lambda: self._driver.migrate_back(spec))

    def migrate_settle(self, key: StepKey, uuid: str) -> None:
        self._take(key, lambda: self._driver.migrate_settle(uuid))

    def live_offer(self, key: StepKey, spec: GuestSpec, block: bool | None) -> None:
        self._take(key, lambda: self._driver.live_offer(spec, block))

    def live_prepare(self, key: StepKey, spec: GuestSpec, offer: LiveOffer) -> None:
        self._world.specs.append(spec)
        self._take(key, lambda: self._driver.live_prepare(spec, offer))

    def live_migrate(self, key: StepKey, spec: GuestSpec, ready: LiveReady) -> None:
        self._take(key, lambda: self._driver.live_migrate(spec, ready, self._world.carry))

    def live_finish(self, key: StepKey, spec: GuestSpec) -> None:
        self._power(key, lambda: self._driver.live_finish(spec))

    def live_leave(self, key: StepKey, spec: GuestSpec, shared: bool) -> None:
        self._take(key, lambda: self._driver.live_leave(spec, shared))

    def live_discard(self, key: StepKey, spec: GuestSpec, shared: bool) -> None:
        self._take(key, lambda: self._driver.live_discard(spec, shared))

    def live_abort(self, uuid: str) -> bool:
        self._driver.live_abort(uuid)
        return True

    def live_force(self, uuid: str) -> bool:
        self._driver.live_force(uuid)
        return True

    def live_settle(self, uuid: str) -> str:
        return str(self._driver.live_settle(uuid))

    def revoke(self, key: StepKey, uuid: str) -> None:
        self._take(key, lambda: None)

    def console_output(self, uuid: str, length: int | None) -> str:
        return self._driver.console_log(uuid, length)

    def console(self, uuid: str, kind: str) -> Console:
        return Consoles(self._driver, self._world.svc.settings).find(uuid, kind)

    def diagnostics(self, uuid: str) -> Any:
        return self._driver.diagnostics(uuid)

    def set_disabled(self, disabled: bool) -> None:
        self.disabled = disabled

    def cache_images(self, image_ids: tuple[str, ...]) -> None:
        for image_id in image_ids:
            self._driver.cache_image(image_id)


def _outcome(work: Callable[[], Record | None]) -> StepResult:
    import msgspec

    try:
        value = work()
    except ComputeError as error:
        return StepResult(ok=False, failure=Failure(kind=type(error).__name__, message=error.message))
    return StepResult(ok=True, value={} if value is None else msgspec.to_builtins(value))


class Chooser:
    """A scheduler that takes the first hosts with room, in the order of their names, and claims at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked: list[SelectRequest] = []

    def select(self, request: SelectRequest) -> Decision:
        self.asked.append(request)
        placement = self._world.placement
        found: list[Selection] = []
        for consumer in request.consumers:
            options = self._options(request, consumer)
            held = placement.allocations(consumer)
            if held is not None:
                made = self._claim(consumer, held.allocations)
            elif options:
                made = options[0]
                placement.claim_many((self._wanted(request, made),))
            else:
                for one in found:
                    placement.release(one.claim.consumer)
                return Decision(message="No valid host was found. There is no room.", refused={"room": 1})
            others = tuple(one for one in options if one.host != made.host)
            found.append(Selection(claim=made, alternates=others[: request.alternates]))
        return Decision(selections=tuple(found))

    def _wanted(self, request: SelectRequest, claim: Claim) -> ConsumerAllocations:
        return ConsumerAllocations(
            consumer=claim.consumer,
            project_id=request.request.project_id,
            user_id=request.request.user_id,
            allocations=claim.allocations,
        )

    def _options(self, request: SelectRequest, consumer: str) -> list[Claim]:
        asked, flavor = request.request, request.request.flavor
        query = CandidateQuery(
            resources={"VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": flavor.disk_gb}
        )
        found = self._world.placement.candidates(query).candidates
        claims = sorted((self._claim(consumer, c.allocations) for c in found), key=lambda claim: claim.host)
        wanted = asked.requested_host or asked.force_host
        return [
            c
            for c in claims
            if c.host not in asked.ignore_hosts
            and c.cell not in asked.ignore_cells
            and wanted in (None, c.host)
        ]

    def _claim(self, consumer: str, allocations: dict[str, dict[str, int]]) -> Claim:
        (node,) = allocations
        host = self._world.host_of_node[node]
        return Claim(
            consumer=consumer,
            cell=self._world.cell_of[host],
            host=host,
            node=host,
            node_uuid=node,
            allocations=allocations,
            availability_zone="nova",
        )


class Line:
    """The way to the conductor: doorbells and answers queue."""

    def __init__(self, world: World) -> None:
        self._world = world

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        for key in keys:
            self._world.messages.append(lambda key=key: self._world.engine.advance(key))  # type: ignore[misc]


class World:
    """The installation. `hosts` are its hypervisors by name; `down` are the hosts that nobody hears of."""

    def __init__(
        self,
        clock: ManualClock,
        store: Store,
        hosts: tuple[str, ...] = ("h1", "h2", "h3"),
        cells: Mapping[str, str] | None = None,
    ) -> None:
        """`cells` are those of hosts that are not in CELL."""
        self.clock, self.store = clock, store
        self.placement, self.images = FakePlacement(), FakeImages(self.clock)
        self.network, self.identity = FakeNetwork(self.clock), FakeIdentity()
        self.messages: deque[Callable[[], None]] = deque()
        self.specs: list[GuestSpec] = []
        self.down: set[str] = set()
        self.carry: Callable[[dict[str, int]], None] = lambda left: None
        """Called while a guest is carried to another host."""
        self.host_of_node: dict[str, str] = {}
        self.cell_of = dict.fromkeys(hosts, CELL) | dict(cells or {})
        exchange = Exchange()
        self.hosts = {n: FakeHypervisor(n, self.images, self.clock, exchange=exchange) for n in hosts}
        self.agents = {name: Agent(self, driver) for name, driver in self.hosts.items()}
        self.scheduler = Chooser(self)
        self.svc = Services(
            store=self.store,
            clock=self.clock,
            notify=MemoryNotifier(),
            conductor=cast(Any, Line(self)),
            scheduler=cast(Any, self.scheduler),
            agent=lambda cell, host: cast(Any, self.agents[host]),
            identity=self.identity,
            images=self.images,
            network=self.network,
            placement=self.placement,
            settings=Settings(),
        )
        self.flows_known = dict(FLOWS)
        self.crashes = 0
        self.engine = self._engine()
        self._furnish()

    def _engine(self) -> Engine:
        def host_up(cell: str, host: str) -> bool:
            return host_is_up(self.svc, cell, host)

        return Engine(self.svc, self.flows_known, f"conductor {self.crashes}", host_up=host_up)

    def _furnish(self) -> None:
        self.images.add(Image(id=IMAGE, name="image", disk_format="raw"), b"bits")
        self.network.add_network("private", shared=True)
        with self.store.api.write() as tx:
            flavor_insert(tx, SMALL)
            flavor_insert(tx, LARGE)
            for name in self.hosts:
                host_mapping_insert(tx, name, self.cell_of[name])
        for name, driver in self.hosts.items():
            self._register(name, driver)

    def _register(self, name: str, driver: FakeHypervisor) -> None:
        node = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.host_of_node[node] = name
        cell = self.cell_of[name]
        with self.store.database(cell).write() as tx:
            service = service_upsert(
                tx,
                Service(
                    uuid=str(uuid.uuid5(uuid.UUID(node), "service")),
                    host=name,
                    binary="nova-compute",
                    topic="compute",
                    last_seen_up=self.clock.now(),
                ),
            )
            facts = driver.facts()
            compute_node_upsert(
                tx, ComputeNode(uuid=node, service_uuid=service.uuid, host=name, facts=facts, cell=cell)
            )
        inventories = {
            "VCPU": ResourceInventory(total=4, max_unit=4),
            "MEMORY_MB": ResourceInventory(total=4096, max_unit=4096),
            "DISK_GB": ResourceInventory(total=40, max_unit=40),
        }
        self.placement.ensure_provider(Provider(uuid=node, name=name, inventories=inventories))
        self.placement.calls.clear()

    def with_settings(self, section: str, **options: Any) -> None:
        """Change options for what comes."""
        settings = self.svc.settings
        changed = dataclasses.replace(getattr(settings, section), **options)
        self.replace(settings=dataclasses.replace(settings, **{section: changed}))

    def replace(self, **services: Any) -> None:
        """Put other services in the place of these."""
        self.svc = dataclasses.replace(self.svc, **services)
        self.engine.svc = self.svc

    # Time and messages

    def deliver(self) -> None:
        """Deliver all messages, and those that follow from them."""
        while self.messages:
            self._survive(self.messages.popleft())

    def _survive(self, work: Callable[[], None]) -> None:
        """Do something of the conductor's; when it dies over it, another one is started."""
        try:
            work()
        except Crash:
            self.crashes += 1
            self.engine = self._engine()

    def pass_by(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self.clock.advance(seconds)
        self.beat()

    def lose(self, *hosts: str) -> None:
        """Let hosts fall silent, for longer than it takes to count as down."""
        self.down.update(hosts)
        self.pass_by(120.0)

    def beat(self) -> None:
        """Let the hosts that are not down give a sign of life."""
        for cell in set(self.cell_of.values()):
            up = [n for n in self.hosts if n not in self.down and self.cell_of[n] == cell]
            with suppress(DatabaseDown), self.store.database(cell).write() as tx:
                service_touch(tx, up, "nova-compute", self.clock.now())

    def look_around(self) -> None:
        """Have the hosts that are up remove what they have of servers that are elsewhere or deleted."""
        for name in self.hosts.keys() - self.down:
            known = Hosts(self.svc, self.cell_of[name], PowerSync(self.svc))
            gone = [one.uuid for one in known.servers_on(name) if one.deleted]
            for guest in gone:
                self.hosts[name].destroy(guest, True)
            for guest in known.strays(name, tuple(self.guests(name))):
                self.hosts[name].abandon(guest)
            known.vacated(name, tuple(self.guests(name)))

    def settle(self, seconds: float = 40_000.0) -> None:
        """Deliver messages and let time pass until no flow is unfinished."""
        until = self.clock.time() + seconds
        while True:
            self.deliver()
            if not self.unfinished():
                return
            assert self.clock.time() < until, [(f.kind, f.state, f.wake_at) for f in self.unfinished()]
            self.clock.advance(5.0)
            self.beat()
            for key in self.engine.due():
                self._survive(lambda key=key: self.engine.advance(key))  # type: ignore[misc]

    def flows(self) -> list[FlowRecord]:
        """Return all flows of all databases."""
        found = []
        for name in self.store.names():
            with self.store.database(name).read() as tx:
                found.extend(flow_page(tx, FlowQuery()))
        return found

    def unfinished(self) -> list[FlowRecord]:
        """Return the flows that are not at their end."""
        return [flow for flow in self.flows() if flow.state in UNFINISHED]

    # Servers

    def order(self, **changes: Any) -> ServerOrder:
        """Return an order of one small server on the only network."""
        order = ServerOrder(
            name="web", flavor_ref="1", image_ref=IMAGE, networks=RequestedNetworks(mode="default")
        )
        return order.replace(**changes)

    def boot(self, **changes: Any) -> Located:
        """Order a server and wait for it."""
        (made,) = create_servers(MEMBER, self.svc, self.order(**changes)).servers
        self.settle()
        return self.see(made.uuid)

    def see(self, uuid: str, deleted: bool = False) -> Located:
        """Return a server as it is now."""
        return find_server(ADMIN, self.svc, uuid, deleted)

    def guests(self, host: str) -> set[str]:
        """Return the guests that stand on a host."""
        return {guest.uuid for guest in self.hosts[host].guests()}

    def held(self, consumer: str) -> dict[str, int]:
        """Return what a consumer holds, whatever the provider."""
        found = self.placement.allocations_by_consumer.get(consumer, {})
        total: dict[str, int] = {}
        for resources in found.values():
            for name, amount in resources.items():
                total[name] = total.get(name, 0) + amount
        return total

    def holds_on(self, consumer: str) -> set[str]:
        """Return the hosts on which a consumer holds anything."""
        found = self.placement.allocations_by_consumer.get(consumer, {})
        return {self.host_of_node[node] for node in found}

    def ports_of(self, uuid: str) -> set[str]:
        """Return the hosts to which a server's ports are bound."""
        return {port.host for port in self.network.ports.values() if port.device_id == uuid}


def state_of(server: Located) -> tuple[str, str | None]:
    """Return a server's state and task."""
    instance: Instance = server.instance
    return instance.vm_state.value, instance.task_state.value if instance.task_state else None
