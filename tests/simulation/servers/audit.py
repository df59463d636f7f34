"""Whether all that is held is held by a server that needs it, and all that a server needs is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from compute_service.conductor.power import must_stop
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import API_DATABASE
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.flows.kinds.shelved import shelved_image
from compute_service.store.instances import instances_get
from compute_service.store.mappings import InstanceMapping, instance_mappings_get
from compute_service.store.migrations import MigrationQuery, migration_page
from compute_service.virt.fake.guest import FakeGuest
from tests.simulation.servers.hosts import SimHost
from tests.simulation.servers.world import IMAGE, World


@dataclass
class Held:
    """What belongs to servers; what is found beyond that is lost."""

    consumers: set[str] = field(default_factory=set)
    guests: set[tuple[str, str]] = field(default_factory=set)
    """(host, server)"""
    kept: set[tuple[str, str]] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    """Those that servers were shelved into."""


class Audit:
    """One look at a world at rest."""

    def __init__(self, world: World, servers: list[str]) -> None:
        self._world, self._servers = world, servers
        self._held = Held()
        self.states: Counter[str] = Counter()
        """How many servers ended in which state."""

    def problems(self) -> list[str]:
        """Return what is not as it should be."""
        found = [f"{number} flows are {state}" for state, number in self._world.flow_states().items()]
        found += self._rows()
        found += self._left_over()
        found += self._evacuations()
        return found

    def _rows(self) -> Iterator[str]:
        store = self._world.store
        rows = {}
        for name in store.names():
            with store.database(name).read() as tx:
                rows[name] = instances_get(tx, self._servers, deleted=True)
        with store.api.read() as tx:
            mappings = instance_mappings_get(tx, self._servers)
        for uuid in self._servers:
            places = {name: found[uuid] for name, found in rows.items() if uuid in found}
            mapping = mappings[uuid]
            for text in self._server(places, mapping):
                yield f"{uuid}: {text}"

    def _server(self, places: dict[str, Instance], mapping: InstanceMapping) -> Iterator[str]:
        if len(places) > 1:
            yield f"is in {sorted(places)}"
            return
        if not places:
            self.states["gone"] += 1
            if not mapping.deleted:
                yield "has no row and counts"
            return
        ((where, row),) = places.items()
        self.states[row.vm_state.value] += 1
        if mapping.cell != (None if where == API_DATABASE else where):
            yield f"is in {where} and mapped to {mapping.cell}"
        if row.deleted:
            if not mapping.deleted:
                yield "is deleted and counts"
            return
        yield from self._living(row, mapping)

    def _living(self, row: Instance, mapping: InstanceMapping) -> Iterator[str]:
        if row.task_state is not None:
            yield f"is {row.vm_state} and still {row.task_state}"
        counts = row.vm_state is not VmState.SOFT_DELETED
        if mapping.deleted == counts:
            yield f"is {row.vm_state} and counts: {not mapping.deleted}"
        if counts:
            yield from self._quota(row, mapping)
        if row.vm_state in (VmState.BUILDING, VmState.DELETED):
            yield f"is {row.vm_state}"
        yield from self._resources(row)

    def _quota(self, row: Instance, mapping: InstanceMapping) -> Iterator[str]:
        taken = (mapping.vcpus, mapping.memory_mb)
        if taken != (row.flavor.vcpus, row.flavor.memory_mb) and row.vm_state is not VmState.RESIZED:
            yield f"counts with {taken} and has {row.flavor.name}"

    def _resources(self, row: Instance) -> Iterator[str]:
        if (image := shelved_image(row)) is not None:
            yield from self._image(row, image)
        if row.host is None:
            if row.vm_state not in (VmState.ERROR, VmState.SHELVED_OFFLOADED):
                yield f"is {row.vm_state} on no host"
            elif row.vifs:
                self._held.devices.add(row.uuid)
                yield from self._ports(row)
            return
        host = self._world.hosts[row.host]
        yield from self._allocation(row.uuid, host, row.flavor)
        self._held.devices.add(row.uuid)
        yield from self._ports(row)
        yield from self._guest(row, host)
        if row.vm_state is VmState.RESIZED:
            yield from self._way_back(row)
        elif row.vm_state is VmState.ERROR:
            self._keep_moves(row, host)

    def _allocation(self, consumer: str, host: SimHost, flavor: Flavor) -> Iterator[str]:
        self._held.consumers.add(consumer)
        wanted = {host.node: {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": flavor.disk_gb}}
        held = self._world.placement.allocations_by_consumer.get(consumer)
        if held != wanted:
            yield f"holds {held} instead of {wanted}"

    def _ports(self, row: Instance) -> Iterator[str]:
        ports = {p.id: p.host for p in self._world.network.ports.values() if p.device_id == row.uuid}
        wanted = {vif.port_id: row.host or "" for vif in row.vifs}
        if ports != wanted or not (ports or row.vm_state is VmState.ERROR):
            yield f"is {row.vm_state} with ports {ports} instead of {wanted}"

    def _image(self, row: Instance, image_id: str) -> Iterator[str]:
        """What a server was shelved into is there, as long as it knows of it."""
        self._held.images.add(image_id)
        image = self._world.images.images.get(image_id)
        if image is None or image.status != "active":
            yield f"is {row.vm_state} and its image is {'gone' if image is None else image.status}"

    def _guest(self, row: Instance, host: SimHost) -> Iterator[str]:
        self._held.guests.add((host.name, row.uuid))
        states = {guest.uuid: guest.power_state for guest in host.driver.guests()}
        if row.vm_state is VmState.ERROR:
            return
        power = states.get(row.uuid)
        if power is None:
            if row.vm_state is not VmState.SOFT_DELETED:  # It may have been in ERROR before.
                yield f"is {row.vm_state} without a guest on {host.name}"
        elif must_stop(row.vm_state, power):
            yield f"is {row.vm_state} with a guest that is {power.name}"
        elif row.power_state is not power:
            yield f"says that its guest is {row.power_state.name} when it is {power.name}"
        else:
            yield from self._interfaces(row, host)

    def _interfaces(self, row: Instance, host: SimHost) -> Iterator[str]:
        """The guest has the server's interfaces, unless a host that was passed over heard late what to do."""
        wanted, there = {vif.mac for vif in row.vifs}, nics_of(row.uuid, host)
        if wanted == there:
            return
        if self._world.faults.seen["hosts down or up"]:
            self.states["(interfaces differ)"] += 1
        else:
            yield f"has interfaces {sorted(wanted)} and its guest has {sorted(there)}"

    def _way_back(self, row: Instance) -> Iterator[str]:
        with self._world.store.database(self._world.hosts[row.host or ""].cell).read() as tx:
            moves = migration_page(tx, MigrationQuery(instance_uuid=row.uuid, status="finished"))
        if not moves or moves[0].source_compute is None:
            yield "is resized without a finished migration"
            return
        # One before it was never settled when the server's state was reset: that comes when this one is.
        for move in moves[1:]:
            self._held.consumers.add(move.uuid)
            self._held.kept.add((move.source_compute or "", row.uuid))
        source = self._world.hosts[moves[0].source_compute]
        self._held.kept.add((source.name, row.uuid))
        self._held.consumers.add(moves[0].uuid)
        if moves[0].uuid not in self._world.placement.allocations_by_consumer:
            yield "is resized and its migration holds nothing"
        if row.uuid not in {guest.uuid for guest in kept_by(source)}:
            yield f"is resized and {source.name} keeps nothing of it"

    def _keep_moves(self, row: Instance, host: SimHost) -> None:
        """Count what a move holds as belonging to a server whose deletion failed half way."""
        with self._world.store.database(host.cell).read() as tx:
            moves = migration_page(tx, MigrationQuery(instance_uuid=row.uuid, status=("finished",)))
        for move in moves:
            self._held.consumers.add(move.uuid)
            self._held.kept.add((move.source_compute or "", row.uuid))

    def _evacuations(self) -> Iterator[str]:
        """All hosts are back and have looked around."""
        query = MigrationQuery(status=("accepted", "pre-migrating", "done"), migration_type="evacuation")
        for name in self._world.store.names():
            if name == API_DATABASE:
                continue
            with self._world.store.database(name).read() as tx:
                for move in migration_page(tx, query):
                    yield f"{move.instance_uuid}: its evacuation from {move.source_compute} is {move.status}"

    def _left_over(self) -> Iterator[str]:
        world, held = self._world, self._held
        for consumer in world.placement.allocations_by_consumer.keys() - held.consumers:
            yield f"{consumer} holds allocations"
        for port in world.network.ports.values():
            # A port without a tag is a user's, who may have it back.
            if port.device_id not in held.devices and (port.device_id or port.tags):
                yield f"port {port.id} of {port.device_id} is left"
        for port_id, hosts in world.network.tables.bindings.items():
            if hosts:
                yield f"port {port_id} is prepared for {sorted(hosts)}"
        for host in world.hosts.values():
            yield from self._strays(host)
        for image in world.images.images.values():
            if image.id != IMAGE and image.status != "active":
                yield f"image {image.id} is {image.status}"
            if image.name.endswith("-shelved") and image.id not in held.images:
                yield f"image {image.id} of a server that is shelved no more is left"

    def _strays(self, host: SimHost) -> Iterator[str]:
        for guest in guests_on(host):
            if (host.name, guest.uuid) in self._held.guests:
                continue
            if guest.defined:
                yield f"guest {guest.uuid} is left on {host.name}"
            else:
                # Hosts do not list these: a removal failed half done, and then the host was passed over.
                self.states["(disks left behind)"] += 1
        for guest in kept_by(host):
            if (host.name, guest.uuid) not in self._held.kept:
                yield f"guest {guest.uuid} is kept by {host.name}"


def guests_on(host: SimHost) -> list[FakeGuest]:
    """Return all guests of a host, those too of which only disks are left."""
    return list(host.driver._guests)


def nics_of(uuid: str, host: SimHost) -> set[str]:
    """Return the addresses of a guest's interfaces."""
    return {mac for guest in guests_on(host) if guest.uuid == uuid for mac in guest.macs}


def kept_by(host: SimHost) -> list[FakeGuest]:
    """Return the guests that a host keeps aside for their way back."""
    return list(host.driver._kept)
