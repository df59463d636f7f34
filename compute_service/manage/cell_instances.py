"""`nova-manage cell_v2`: which cell servers are in."""

from __future__ import annotations

from compute_service.domain.instance import Instance
from compute_service.manage.tools import (
    BAD_INPUT,
    FAILED,
    OK,
    ONE_CELL,
    Command,
    Options,
    Tools,
    argument,
    switch,
)
from compute_service.store.engine import Store
from compute_service.store.instance_query import InstanceQuery
from compute_service.store.instances import instance_get, instance_page
from compute_service.store.mappings import (
    InstanceMapping,
    Ordered,
    cell_mapping_get,
    instance_mapping_get,
    instance_mappings_get,
    instance_mappings_insert,
)

MORE_TO_DO = 1
NOT_MAPPED = 1
NO_CELL = 2
DELETED = 3
ARCHIVED = 4
BATCH = 100


def map_instances(options: Options, tools: Tools) -> int:
    """Map the servers in a cell that are not mapped, oldest first.

    0 when all are, 1 when more remain or the cell is unknown, 127 for a count below one. Servers that are
    mapped already are passed over, so every run goes on where the last one ended.
    """
    if options.max_count is not None and options.max_count < 1:
        tools.say("--max-count must be at least 1.")
        return BAD_INPUT
    store = tools.store()
    with store.api.read() as tx:
        if cell_mapping_get(tx, options.cell_uuid) is None:
            tools.say(f"Cell with uuid {options.cell_uuid} was not found.")
            return FAILED
    left, marker = options.max_count, None
    while True:
        with store.database(options.cell_uuid).read() as tx:
            page = instance_page(tx, _oldest_first(marker))
        if not page:
            return OK
        taken = _map(store, options.cell_uuid, page, left)
        if left is not None:
            left -= taken
            if left == 0:
                return MORE_TO_DO if _unmapped_after(store, options.cell_uuid, page) else OK
        marker = page[-1].uuid


def _oldest_first(marker: str | None) -> InstanceQuery:
    return InstanceQuery(
        sort_keys=("created_at", "uuid"), sort_dirs=("asc", "asc"), marker=marker, limit=BATCH, deleted=None
    )


def _map(store: Store, cell: str, page: list[Instance], limit: int | None) -> int:
    with store.api.write() as tx:
        known = instance_mappings_get(tx, [instance.uuid for instance in page])
        new = [instance for instance in page if instance.uuid not in known][:limit]
        ordered = {instance.uuid: Ordered.like(instance) for instance in new}
        instance_mappings_insert(tx, [_mapping(instance, cell) for instance in new], ordered)
    return len(new)


def _unmapped_after(store: Store, cell: str, page: list[Instance]) -> bool:
    """Tell whether servers remain, in the page that was begun or behind it."""
    while page:
        with store.api.read() as tx:
            known = instance_mappings_get(tx, [instance.uuid for instance in page])
        if len(known) < len(page):
            return True
        with store.database(cell).read() as tx:
            page = instance_page(tx, _oldest_first(page[-1].uuid))
    return False


def _mapping(instance: Instance, cell: str) -> InstanceMapping:
    return InstanceMapping(
        uuid=instance.uuid,
        project_id=instance.project_id,
        user_id=instance.user_id,
        vcpus=instance.flavor.vcpus,
        memory_mb=instance.flavor.memory_mb,
        cell=cell,
        deleted=instance.deleted,
        created_at=instance.created_at,
    )


def verify_instance(options: Options, tools: Tools) -> int:
    """Tell whether a server is mapped.

    0 when it is, 1 when not, 2 when it has no cell yet, 3 when it is deleted there, 4 when it was archived.
    """
    store = tools.store()
    code, text = _verify(store, options.uuid)
    if not options.quiet:
        tools.say(text)
    return code


def _verify(store: Store, uuid: str) -> tuple[int, str]:
    with store.api.read() as tx:
        mapping = instance_mapping_get(tx, uuid)
        cell = cell_mapping_get(tx, mapping.cell) if mapping is not None and mapping.cell else None
    if mapping is None:
        return NOT_MAPPED, f"Instance {uuid} is not mapped to a cell."
    if cell is None:
        return NO_CELL, f"Instance {uuid} has no cell yet."
    where = f"{cell.name or 'a cell without a name'} ({cell.uuid})"
    with store.database(cell.uuid).read() as tx:
        found = instance_get(tx, uuid, deleted=True)
    if found is None:
        return ARCHIVED, f"Instance {uuid} is mapped to cell {where} but was archived or purged there."
    if found.deleted:
        return DELETED, f"Instance {uuid} is mapped to cell {where} but deleted there."
    return OK, f"Instance {uuid} is in cell: {where}"


COMMANDS = (
    Command(
        "map_instances",
        "Map the servers in a cell that are not mapped.",
        map_instances,
        (
            ONE_CELL,
            argument("--max-count", type=int, metavar="N", help="The most servers to map."),
            switch("--reset", "Accepted: every run looks at all servers."),
        ),
    ),
    Command(
        "verify_instance",
        "Tell whether a server is mapped.",
        verify_instance,
        (argument("--uuid", required=True, help="The server."), switch("--quiet", "Print nothing.")),
    ),
)
