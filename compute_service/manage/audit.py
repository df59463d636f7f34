"""`nova-manage placement audit`: allocations that nobody stands behind."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import TypeVar

from compute_service.domain.errors import ComputeError, Conflict
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.manage.table import Table
from compute_service.manage.tools import BAD_INPUT, FAILED, OK, Options, Tools, told
from compute_service.ports.placement import Placement
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.engine import Store
from compute_service.store.flows import unfinished_flows_of_instance
from compute_service.store.instances import instances_get
from compute_service.store.mappings import instance_mappings_get
from compute_service.store.migrations import MigrationQuery, migration_page

T = TypeVar("T")

FOUND = 3
DELETED = 4
TRIES = 4
MOVING = (
    "accepted",
    "queued",
    "preparing",
    "running",
    "pre-migrating",
    "migrating",
    "post-migrating",
    "finished",
    "confirming",
    "reverting",
)
"""States of migrations that hold something on two hosts."""


class Orphan(Record):
    """An allocation of a consumer on a provider with nothing behind it."""

    consumer: str
    provider: str
    resources: dict[str, int]


class Known(Record):
    """What the databases say of the servers and migrations that may hold allocations."""

    nodes: frozenset[str]
    """The UUIDs of all compute nodes, which are those of their providers."""
    hosts: dict[tuple[str, str], str]
    """(host, hypervisor host name) → compute node."""
    migrations: frozenset[str]
    """Those under way."""


def audit(options: Options, tools: Tools) -> int:
    """Look for orphaned allocations, and remove them with --delete.

    0 when there is none, 1 for an error, 3 when there are some, 4 when they were removed, 127 for a bad UUID.
    """
    if options.resource_provider and not _is_uuid(options.resource_provider):
        tools.say(f"{options.resource_provider!r} is not a UUID.")
        return BAD_INPUT
    try:
        store, placement = tools.store(), tools.open_placement()
        providers = _providers(placement, options.resource_provider)
        orphans = [o for provider in providers for o in orphans_of(provider, store, placement)]
        if options.delete:
            orphans = [o for orphan in orphans for o in _removed(orphan, store, placement)]
    except ComputeError as error:
        tools.say(f"ERROR: {told(error)}")
        return FAILED
    _tell(orphans, options, tools)
    if not orphans:
        return OK
    return DELETED if options.delete else FOUND


def _providers(placement: Placement, wanted: str | None) -> list[str]:
    if wanted is not None:
        return [wanted]
    return [provider.uuid for provider in placement.providers()]


def _tell(orphans: list[Orphan], options: Options, tools: Tools) -> None:
    done = "Removed" if options.delete else "Found"
    if options.verbose or options.json:
        rows = [
            (o.consumer, o.provider, ", ".join(f"{name}={n}" for name, n in sorted(o.resources.items())))
            for o in orphans
        ]
        tools.show(Table(("Consumer", "Resource Provider", "Resources"), rows), options)
    if not options.json:
        tools.say(f"{done} {len(orphans)} orphaned allocations.")


def what_is_known(store: Store) -> Known:
    """Read every cell's compute nodes and migrations under way. Raises Unavailable for a down cell."""
    query = MigrationQuery(status=MOVING, hidden=None)
    nodes = [node for found in _all(store.fan_out(compute_node_list)) for node in found]
    moving = _all(store.fan_out(lambda tx: migration_page(tx, query)))
    return Known(
        nodes=frozenset(node.uuid for node in nodes),
        hosts={(node.host, node.facts.hypervisor_hostname): node.uuid for node in nodes},
        migrations=frozenset(migration.uuid for found in moving for migration in found),
    )


def _all(answers: Mapping[str, T | ComputeError]) -> list[T]:
    """Return every database's answer, or raise what one of them raised."""
    found: list[T] = []
    for answer in answers.values():
        if isinstance(answer, ComputeError):
            raise answer
        found.append(answer)
    return found


def orphans_of(provider: str, store: Store, placement: Placement) -> list[Orphan]:
    """Return the allocations on a provider that nothing accounts for.

    The databases are asked after placement, for servers and migrations are there before their allocations.
    """
    held = placement.allocations_of_provider(provider)
    if not held:
        return []
    known = what_is_known(store)
    servers = _servers(store, held)
    return [
        Orphan(consumer=consumer, provider=provider, resources=resources)
        for consumer, resources in held.items()
        if not _accounted(consumer, provider, servers, store, known)
    ]


def _servers(store: Store, uuids: Iterable[str]) -> dict[str, Instance | None]:
    """Return the living servers among some UUIDs: None stands for one that has no cell yet."""
    with store.api.read() as tx:
        mappings = instance_mappings_get(tx, uuids)
    found: dict[str, Instance | None] = {}
    by_cell: dict[str, list[str]] = {}
    for mapping in mappings.values():
        if mapping.cell is not None:
            by_cell.setdefault(mapping.cell, []).append(mapping.uuid)
        elif not mapping.deleted:
            found[mapping.uuid] = None
    for cell, of_cell in by_cell.items():
        with store.database(cell).read() as tx:
            found.update(instances_get(tx, of_cell))
    return found


def _accounted(
    consumer: str, provider: str, servers: dict[str, Instance | None], store: Store, known: Known
) -> bool:
    if consumer in known.migrations:
        return True
    if consumer not in servers:
        return False
    server = servers[consumer]
    if server is None or provider not in known.nodes:
        return True  # It is being placed; or this is no host but a part of one, or something shared.
    if known.hosts.get((server.host or "", server.node or "")) == provider:
        return True
    return _busy(store, consumer)


def _busy(store: Store, uuid: str) -> bool:
    """Tell whether something is being done to a server that may hold allocations elsewhere."""
    flows = store.fan_out(lambda tx: unfinished_flows_of_instance(tx, uuid), databases=store.names())
    return any(_all(flows))


def _removed(orphan: Orphan, store: Store, placement: Placement) -> list[Orphan]:
    """Remove an orphan unless it is none any more."""
    if all(o.consumer != orphan.consumer for o in orphans_of(orphan.provider, store, placement)):
        return []
    remove(orphan, placement)
    return [orphan]


def remove(orphan: Orphan, placement: Placement) -> None:
    """Take away what a consumer holds on one provider, and leave what it holds elsewhere.

    Raises Conflict when others keep changing the consumer.
    """
    for attempt in range(1, TRIES + 1):
        held = placement.allocations(orphan.consumer)
        if held is None or orphan.provider not in held.allocations:
            return
        left = {p: amounts for p, amounts in held.allocations.items() if p != orphan.provider}
        try:
            placement.claim_many((held.replace(allocations=left),))
        except Conflict:
            if attempt == TRIES:
                raise
        else:
            return


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
