"""What must be so once the trouble is over, each a function of what is and of what was promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compute_service.domain.flow import API_DATABASE, FlowState
from compute_service.domain.instance import Instance
from compute_service.domain.states import PowerState, VmState
from proving.chaos.truth import Truth
from proving.chaos.users import Book


@dataclass(frozen=True)
class Violation:
    """One thing that is not as it must be."""

    rule: str
    server: str
    what: str


Found = Iterator[tuple[str, str]]
"""(server or other thing, what is wrong with it)"""

DELETIONS = ("delete", "soft delete")
POWER = {
    VmState.ACTIVE: PowerState.RUNNING,
    VmState.PAUSED: PowerState.PAUSED,
    VmState.STOPPED: PowerState.SHUTDOWN,
    VmState.SUSPENDED: PowerState.SHUTDOWN,
}
"""Server's state → what its guest is then; of other states a guest may be either."""


def nothing_goes_on(truth: Truth, book: Book) -> Found:
    """No flow is unfinished or stuck, and no server is in a transitional state."""
    for flow in truth.unfinished + truth.stuck:
        yield flow.instance_uuid or flow.id, f"flow {flow.id} ({flow.kind}) is {flow.state}"
    for uuid, row in _living(truth):
        if row.task_state is not None or row.vm_state is VmState.BUILDING:
            yield uuid, f"is {row.vm_state} and {row.task_state}"


def promises_are_kept(truth: Truth, book: Book) -> Found:
    """Each request that was accepted was done, or failed with a reason; a deleted server is gone."""
    going = {uuid for uuid, row in _living(truth) if row.vm_state is not VmState.SOFT_DELETED}
    for promise in book.promises:
        flow = truth.requests.get(f"{promise.request_id}/{promise.server}")
        if flow is None and promise.act in DELETIONS and promise.server not in going:
            continue  # It was being deleted already.
        if flow is None:
            yield promise.server, f"nothing is known of {promise.act}, request {promise.request_id}"
        elif flow.state is FlowState.FAILED and flow.error is None:
            yield promise.server, f"{promise.act} failed without a reason"
    living = {uuid for uuid, _ in _living(truth)}
    for uuid in book.deleted & living:
        yield uuid, "is there, and its deletion was accepted"
    for uuid in book.servers - truth.rows.keys():
        yield uuid, "was made, and there is no row of it"


def servers_are_in_one_place(truth: Truth, book: Book) -> Found:
    """A server is in one database, the one it is mapped to."""
    for uuid, places in truth.rows.items():
        names = sorted(name for name, _ in places)
        mapping = truth.mappings.get(uuid)
        if len(names) != 1:
            yield uuid, f"is in the databases {names}"
        elif mapping is None:
            yield uuid, "is not mapped"
        elif (mapping.cell or API_DATABASE) != names[0]:
            yield uuid, f"is in {names[0]} and mapped to {mapping.cell}"


def quotas_count_what_lives(truth: Truth, book: Book) -> Found:
    """A server counts as long as it lives, with the size it has."""
    for uuid, places in truth.rows.items():
        row, mapping = places[0][1], truth.mappings.get(uuid)
        if mapping is None:
            continue
        counts = not row.deleted and row.vm_state is not VmState.SOFT_DELETED
        if mapping.deleted == counts:
            yield uuid, f"is {row.vm_state} and {'does not count' if counts else 'counts'}"
        size = (row.flavor.vcpus, row.flavor.memory_mb)
        if counts and row.vm_state is not VmState.RESIZED and (mapping.vcpus, mapping.memory_mb) != size:
            yield uuid, f"counts with {mapping.vcpus} vCPUs and {mapping.memory_mb} MB, and has {size}"


def allocations_are_held_by_who_needs_them(truth: Truth, book: Book) -> Found:
    """A server on a host holds its flavor there, a move that waits holds its way back, and nobody else."""
    needed = {move.uuid for move in truth.moves}
    for uuid, row in _placed(truth):
        needed.add(uuid)
        size = {"VCPU": row.flavor.vcpus, "MEMORY_MB": row.flavor.memory_mb, "DISK_GB": row.flavor.disk_gb}
        held = truth.allocations.get(uuid, {})
        if held != {row.node or row.host: size}:
            yield uuid, f"holds {held} instead of {size} on {row.host}"
    for move in truth.moves:
        server = _row(truth, move.instance_uuid)
        if server is None or server.vm_state is not VmState.RESIZED:
            continue
        if move.uuid not in truth.allocations:
            yield move.instance_uuid, "waits to be confirmed, and there is no way back"
    for consumer in truth.allocations.keys() - needed:
        yield consumer, f"holds {truth.allocations[consumer]} and needs nothing"


def guests_stand_where_their_servers_are(truth: Truth, book: Book) -> Found:
    """A server on a host has a guest there, as its state says."""
    for uuid, row in _placed(truth):
        if row.vm_state is VmState.ERROR:
            continue
        here = [guest for host, guest in truth.guests.get(uuid, []) if host == row.host]
        if not here:
            yield uuid, f"is {row.vm_state} without a guest on {row.host}"
            continue
        power = PowerState(here[0]["power"])
        if POWER.get(row.vm_state, power) is not power:
            yield uuid, f"is {row.vm_state} with a guest that is {power.name}"


def no_other_guest_stands_anywhere(truth: Truth, book: Book) -> Found:
    """Guests stand, and are kept for a way back, only where a server is or may return to."""
    at = {uuid: row.host for uuid, row in _placed(truth)}
    for uuid, guests in truth.guests.items():
        for host, _ in guests:
            if at.get(uuid) != host:
                yield uuid, f"a guest is left on {host}"
    waiting = {(move.instance_uuid, move.source_compute) for move in truth.moves}
    for uuid, hosts in truth.kept.items():
        for host in hosts:
            if (uuid, host) not in waiting:
                yield uuid, f"{host} keeps a guest of it"


def ports_are_of_living_servers(truth: Truth, book: Book) -> Found:
    """A server on a host has its ports there, those that it knows, and there are no others."""
    at = {uuid: row.host for uuid, row in _placed(truth)}
    for uuid, hosts in truth.ports.items():
        if uuid not in at:
            yield uuid, f"{len(hosts)} ports are left of it"
        elif set(hosts) != {at[uuid]} and truth.rows[uuid][0][1].vm_state is not VmState.ERROR:
            yield uuid, f"is on {at[uuid]} with ports on {hosts}"
    for uuid, row in _placed(truth):
        ports = len(truth.ports.get(uuid, ()))
        if row.vm_state is not VmState.ERROR and (not ports or ports != len(row.vifs)):
            yield uuid, f"is {row.vm_state} with {ports} ports and knows of {len(row.vifs)}"


def images_are_whole(truth: Truth, book: Book) -> Found:
    """No image waits for data that nobody will bring."""
    for image, status in truth.images.items():
        if status not in ("active", "deactivated"):
            yield image, f"image {image} is {status}"


RULES: tuple[Callable[[Truth, Book], Found], ...] = (
    nothing_goes_on,
    promises_are_kept,
    servers_are_in_one_place,
    quotas_count_what_lives,
    allocations_are_held_by_who_needs_them,
    guests_stand_where_their_servers_are,
    no_other_guest_stands_anywhere,
    ports_are_of_living_servers,
    images_are_whole,
)


def check(truth: Truth, book: Book) -> list[Violation]:
    """Return everything that is not as it must be."""
    return [
        Violation(rule.__name__.replace("_", " "), thing, what)
        for rule in RULES
        for thing, what in rule(truth, book)
    ]


def _living(truth: Truth) -> Iterator[tuple[str, Instance]]:
    for uuid, places in truth.rows.items():
        for _, row in places:
            if not row.deleted:
                yield uuid, row


def _placed(truth: Truth) -> Iterator[tuple[str, Instance]]:
    for uuid, row in _living(truth):
        if row.host is not None:
            yield uuid, row


def _row(truth: Truth, uuid: str) -> Instance | None:
    places = truth.rows.get(uuid)
    return places[0][1] if places else None
