"""Where things are (API database): cells, hosts' cells, servers' cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import msgspec
from sqlalchemy import bindparam, delete, func, select, update

from compute_service.domain.errors import Conflict, NotFound, Stale
from compute_service.domain.flavor import Flavor
from compute_service.domain.host import Cell
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.store.database import Tx, Values
from compute_service.store.sql import dump, insert_missing, insert_new
from compute_service.store.tables.mappings import cell_mappings, host_mappings, instance_mappings


class HostMapping(Record):
    """Which cell a host is in."""

    host: str
    cell: str
    """The cell's UUID."""
    cell_name: str | None = None


class Ordered(Record):
    """What a server was ordered as, with what became of that: all that is known when its cell is down."""

    flavor: Flavor
    image_ref: str = ""
    pinned_availability_zone: str | None = None

    @classmethod
    def like(cls, server: Instance) -> Self:
        """Return what a server is now."""
        return cls(
            flavor=server.flavor,
            image_ref=server.image_ref,
            pinned_availability_zone=server.pinned_availability_zone,
        )


class InstanceMapping(Record):
    """Which cell a server is in (None: none yet, it is in the API database), and what it takes of quotas."""

    uuid: str
    project_id: str
    user_id: str
    vcpus: int = 0
    memory_mb: int = 0
    cell: str | None = None
    deleted: bool = False
    created_at: datetime


_CELL = select(
    cell_mappings.c.uuid,
    cell_mappings.c.name,
    cell_mappings.c.transport_url,
    cell_mappings.c.database_connection,
    cell_mappings.c.disabled,
    cell_mappings.c.id,
)


def _cell(row: Values) -> Cell:
    return Cell(
        uuid=row[0],
        name=row[1],
        transport_url=row[2],
        database_connection=row[3],
        disabled=bool(row[4]),
        id=row[5],
    )


def cell_mapping_insert(tx: Tx, cell: Cell) -> Cell:
    """Map a cell. Raises Conflict when its UUID is mapped already."""
    new = insert_new(
        tx,
        cell_mappings,
        {
            "uuid": cell.uuid,
            "name": cell.name,
            "transport_url": cell.transport_url,
            "database_connection": cell.database_connection,
            "disabled": cell.disabled,
            "created_at": tx.now(),
        },
    )
    if new is None:
        raise Conflict(f"Cell {cell.uuid} is mapped already.")
    return cell.replace(id=new)


def cell_mapping_get(tx: Tx, uuid: str) -> Cell | None:
    """Return a cell's mapping as it is stored, templates unfilled."""
    row = tx.one(_CELL.where(cell_mappings.c.uuid == uuid))
    return None if row is None else _cell(row)


def cell_mapping_list(tx: Tx) -> list[Cell]:
    """Return every cell's mapping, cell0 and disabled ones included, in the order of mapping."""
    return [_cell(row) for row in tx.all(_CELL.order_by(cell_mappings.c.id))]


def cell_mapping_update(tx: Tx, uuid: str, **changes: Any) -> Cell:
    """Change `name`, `transport_url`, `database_connection` or `disabled`. Raises NotFound."""
    statement = update(cell_mappings).where(cell_mappings.c.uuid == uuid)
    tx.execute(statement.values(**changes, updated_at=tx.now()))
    found = cell_mapping_get(tx, uuid)
    if found is None:
        raise NotFound(f"Cell {uuid} could not be found.")
    return found


def cell_mapping_delete(tx: Tx, uuid: str) -> bool:
    """Remove a cell's mapping; hosts and servers must not be mapped to it any more."""
    return tx.execute(delete(cell_mappings).where(cell_mappings.c.uuid == uuid)).rowcount == 1


def _cell_id(tx: Tx, uuid: str) -> int:
    found = tx.scalar(select(cell_mappings.c.id).where(cell_mappings.c.uuid == uuid))
    if found is None:
        raise NotFound(f"Cell {uuid} could not be found.")
    return int(found)


def hosts_generation(tx: Tx) -> int:
    """Return how often operators have changed what decides where servers may go."""
    return int(tx.scalar(select(func.max(cell_mappings.c.hosts_generation))) or 0)


def hosts_changed(tx: Tx) -> None:
    """Note such a change, once it is done: whoever decides from now on reads about hosts anew."""
    tx.execute(update(cell_mappings).values(hosts_generation=cell_mappings.c.hosts_generation + 1))


_HOST = select(host_mappings.c.host, cell_mappings.c.uuid, cell_mappings.c.name).join_from(
    host_mappings, cell_mappings
)


def host_mapping_insert(tx: Tx, host: str, cell: str) -> bool:
    """Map a host to a cell. Returns False when it was mapped to that cell already.

    Raises Conflict when it is in another cell, NotFound for an unknown cell.
    """
    new = insert_new(tx, host_mappings, {"host": host, "cell_id": _cell_id(tx, cell), "created_at": tx.now()})
    if new is not None:
        return True
    present = host_mapping_get(tx, host)
    if present is not None and present.cell != cell:
        raise Conflict(f"Host {host} is mapped to cell {present.cell} already.")
    return False


def host_mapping_get(tx: Tx, host: str) -> HostMapping | None:
    """Return the cell of a host, or None."""
    row = tx.one(_HOST.where(host_mappings.c.host == host))
    return None if row is None else HostMapping(host=row[0], cell=row[1], cell_name=row[2])


def host_mapping_list(tx: Tx, cell: str | None = None) -> list[HostMapping]:
    """Return the mapped hosts by name, of one cell or of all."""
    statement = _HOST.order_by(host_mappings.c.host)
    if cell is not None:
        statement = statement.where(cell_mappings.c.uuid == cell)
    return [HostMapping(host=row[0], cell=row[1], cell_name=row[2]) for row in tx.all(statement)]


def host_mapping_delete(tx: Tx, host: str) -> bool:
    """Forget a host; returns whether it was mapped."""
    return tx.execute(delete(host_mappings).where(host_mappings.c.host == host)).rowcount == 1


_t = instance_mappings.c
_INSTANCE = select(
    _t.uuid,
    _t.project_id,
    _t.user_id,
    _t.vcpus,
    _t.memory_mb,
    cell_mappings.c.uuid,
    _t.deleted,
    _t.created_at,
).join_from(instance_mappings, cell_mappings, isouter=True)


_ONE = _INSTANCE.where(_t.uuid == bindparam("wanted"))


def _mapping(row: Values) -> InstanceMapping:
    return InstanceMapping(
        uuid=row[0],
        project_id=row[1],
        user_id=row[2],
        vcpus=row[3],
        memory_mb=row[4],
        cell=row[5],
        deleted=bool(row[6]),
        created_at=row[7],
    )


def instance_mapping_insert(tx: Tx, mapping: InstanceMapping, ordered: Ordered | None = None) -> None:
    """Map a server; one that is mapped already is left as it is."""
    instance_mappings_insert(tx, (mapping,), None if ordered is None else {mapping.uuid: ordered})


def instance_mappings_insert(
    tx: Tx, mappings: Sequence[InstanceMapping], ordered: Mapping[str, Ordered] | None = None
) -> None:
    """Map servers in one statement (one more per cell named); those mapped already are left as they are.

    `ordered` tells by UUID what servers were ordered as.
    """
    cells = {uuid: _cell_id(tx, uuid) for uuid in {m.cell for m in mappings} if uuid is not None}
    rows = [
        {
            "uuid": m.uuid,
            "cell_id": None if m.cell is None else cells[m.cell],
            "project_id": m.project_id,
            "user_id": m.user_id,
            "vcpus": m.vcpus,
            "memory_mb": m.memory_mb,
            "deleted": m.deleted,
            "created_at": m.created_at,
            **_ordered_columns((ordered or {}).get(m.uuid)),
        }
        for m in mappings
    ]
    insert_missing(tx, instance_mappings, rows)


def _ordered_columns(ordered: Ordered | None) -> dict[str, str | None]:
    return {
        "flavor": None if ordered is None else dump(ordered.flavor),
        "image_ref": None if ordered is None else ordered.image_ref,
        "pinned_availability_zone": None if ordered is None else ordered.pinned_availability_zone,
    }


def instance_mapping_get(tx: Tx, uuid: str) -> InstanceMapping | None:
    """Return a server's mapping, deleted servers included, or None."""
    row = tx.one(_ONE, {"wanted": uuid})
    return None if row is None else _mapping(row)


def instance_mappings_get(tx: Tx, uuids: Iterable[str]) -> dict[str, InstanceMapping]:
    """Return the mappings of those servers that have one, by UUID."""
    wanted = list(uuids)
    if not wanted:
        return {}
    return {row[0]: _mapping(row) for row in tx.all(_INSTANCE.where(_t.uuid.in_(wanted)))}


def instance_mapping_page(
    tx: Tx,
    cells: Iterable[str] | None = None,
    project_id: str | None = None,
    deleted: bool | None = False,
    limit: int | None = None,
) -> list[InstanceMapping]:
    """Return mappings of servers in some cells, newest first; `deleted` None means both."""
    statement = _INSTANCE.order_by(_t.created_at.desc(), _t.uuid.desc())
    if cells is not None:
        statement = statement.where(cell_mappings.c.uuid.in_(list(cells)))
    if project_id is not None:
        statement = statement.where(_t.project_id == project_id)
    if deleted is not None:
        statement = statement.where(_t.deleted == deleted)
    return [_mapping(row) for row in tx.all(statement if limit is None else statement.limit(limit))]


def instance_mappings_of_cell(
    tx: Tx, cell: str, after: str = "", limit: int = 500, also: Iterable[str] = ()
) -> list[InstanceMapping]:
    """Return the next mappings of a cell's servers by UUID, deleted ones too, and those of some others."""
    here = _INSTANCE.where(cell_mappings.c.uuid == cell)
    rows = tx.all(here.where(_t.uuid > after).order_by(_t.uuid).limit(limit))
    found = [_mapping(row) for row in rows]
    more = sorted(set(also) - {mapping.uuid for mapping in found})
    return found + ([_mapping(row) for row in tx.all(here.where(_t.uuid.in_(more)))] if more else [])


def instance_mapping_set_cell(tx: Tx, uuids: Sequence[str], cell: str) -> int:
    """Say that servers without a cell are in `cell` now; returns how many had none and were not deleted."""
    cell_id = select(cell_mappings.c.id).where(cell_mappings.c.uuid == cell).scalar_subquery()
    statement = update(instance_mappings).where(_t.uuid.in_(uuids), _t.cell_id.is_(None))
    return tx.execute(statement.values(cell_id=cell_id)).rowcount


def instance_mapping_resize(
    tx: Tx, uuid: str, vcpus: int, memory_mb: int, flavor: Flavor | None = None
) -> None:
    """Say what a server takes of its project's quotas, and which flavor it has now if that changed.

    Raises Stale when it is deleted or unknown.
    """
    values: dict[str, Any] = {"vcpus": vcpus, "memory_mb": memory_mb}
    if flavor is not None:
        values["flavor"] = dump(flavor)
    statement = update(instance_mappings).where(_t.uuid == uuid, _t.deleted.is_(False))
    if tx.execute(statement.values(values)).rowcount != 1:
        raise Stale(f"Instance {uuid} is deleted.")


def instance_ordered_get(tx: Tx, uuid: str) -> Ordered | None:
    """Return what a server was ordered as; None for one that was mapped by an older release."""
    row = tx.one(select(_t.flavor, _t.image_ref, _t.pinned_availability_zone).where(_t.uuid == uuid))
    if row is None or row[0] is None:
        return None
    flavor = msgspec.json.decode(row[0], type=Flavor)
    return Ordered(flavor=flavor, image_ref=row[1] or "", pinned_availability_zone=row[2])


def instance_ordered_set(tx: Tx, uuid: str, **changes: str | None) -> None:
    """Change a server's `image_ref` or `pinned_availability_zone` as they are known without its cell."""
    tx.execute(update(instance_mappings).where(_t.uuid == uuid).values(**changes))


def instance_mapping_mark_deleted(tx: Tx, uuid: str, deleted: bool = True) -> bool:
    """Say that a server is deleted, so that it counts no more (or, restored, counts again).

    Returns False when that was so already, or when the server is unknown.
    """
    statement = update(instance_mappings).where(_t.uuid == uuid, _t.deleted.is_(not deleted))
    return tx.execute(statement.values(deleted=deleted)).rowcount == 1


def instance_mappings_delete(tx: Tx, uuids: Sequence[str]) -> int:
    """Remove mappings, as of servers that were archived or never came to be; returns how many there were."""
    if not uuids:
        return 0
    return tx.execute(delete(instance_mappings).where(_t.uuid.in_(uuids))).rowcount


def instance_mapping_count(tx: Tx, cell: str, deleted: bool | None = None) -> int:
    """Return how many servers are mapped to a cell."""
    statement = (
        select(func.count())
        .select_from(instance_mappings)
        .join(cell_mappings)
        .where(cell_mappings.c.uuid == cell)
    )
    if deleted is not None:
        statement = statement.where(_t.deleted == deleted)
    return int(tx.scalar(statement))
