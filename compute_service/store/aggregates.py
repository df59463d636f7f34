"""Host aggregates (API database)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from compute_service.domain.aggregate import Aggregate
from compute_service.domain.errors import Conflict, NotFound
from compute_service.store.database import Tx
from compute_service.store.dialects import is_duplicate
from compute_service.store.sql import insert_new, upsert
from compute_service.store.tables.catalog import aggregate_hosts, aggregate_metadata, aggregates

_t = aggregates.c
_h = aggregate_hosts.c
_m = aggregate_metadata.c


def aggregate_insert(tx: Tx, aggregate: Aggregate) -> Aggregate:
    """Add an aggregate with its metadata and hosts. Raises Conflict when its name or UUID is taken."""
    created = aggregate.created_at or tx.now()
    new = insert_new(tx, aggregates, {"uuid": aggregate.uuid, "name": aggregate.name, "created_at": created})
    if new is None:
        raise Conflict(f"Aggregate {aggregate.name} already exists.")
    if aggregate.metadata:
        rows = [{"aggregate_id": new, "key": k, "value": v} for k, v in aggregate.metadata.items()]
        tx.execute(insert(aggregate_metadata), rows)
    if aggregate.hosts:
        tx.execute(insert(aggregate_hosts), [{"aggregate_id": new, "host": h} for h in aggregate.hosts])
    return aggregate.replace(id=new, created_at=created)


def _load(tx: Tx, *conditions: ColumnElement[bool]) -> list[Aggregate]:
    wanted = select(_t.id, _t.uuid, _t.name, _t.created_at, _t.updated_at).where(*conditions).order_by(_t.id)
    rows = tx.all(wanted)
    if not rows:
        return []
    ids = [row[0] for row in rows]
    hosts: dict[int, list[str]] = {}
    for aggregate_id, host in tx.all(select(_h.aggregate_id, _h.host).where(_h.aggregate_id.in_(ids))):
        hosts.setdefault(aggregate_id, []).append(host)
    metadata: dict[int, dict[str, str]] = {}
    items = select(_m.aggregate_id, _m.key, _m.value).where(_m.aggregate_id.in_(ids)).order_by(_m.key)
    for aggregate_id, key, value in tx.all(items):
        metadata.setdefault(aggregate_id, {})[key] = value
    return [
        Aggregate(
            id=row[0],
            uuid=row[1],
            name=row[2],
            metadata=metadata.get(row[0], {}),
            hosts=tuple(sorted(hosts.get(row[0], ()))),
            created_at=row[3],
            updated_at=row[4],
        )
        for row in rows
    ]


def aggregate_get(tx: Tx, aggregate_id: int) -> Aggregate | None:
    """Return an aggregate by id with metadata and hosts, or None."""
    found = _load(tx, _t.id == aggregate_id)
    return found[0] if found else None


def aggregate_get_by_uuid(tx: Tx, uuid: str) -> Aggregate | None:
    """Return an aggregate by UUID, or None."""
    found = _load(tx, _t.uuid == uuid)
    return found[0] if found else None


def aggregate_list(tx: Tx) -> list[Aggregate]:
    """Return all aggregates by id, in three statements."""
    return _load(tx)


def aggregates_of_host(tx: Tx, host: str) -> list[Aggregate]:
    """Return the aggregates that a host is in."""
    return _load(tx, exists().where(_h.aggregate_id == _t.id, _h.host == host))


def zones_by_host(tx: Tx) -> dict[str, str]:
    """Return the availability zone of each host that is in one, in one statement."""
    statement = (
        select(_h.host, _m.value)
        .join_from(aggregate_hosts, aggregate_metadata, _h.aggregate_id == _m.aggregate_id)
        .where(_m.key == "availability_zone")
        .order_by(_h.aggregate_id.desc())
    )
    return {host: zone for host, zone in tx.all(statement)}


def aggregate_rename(tx: Tx, aggregate_id: int, name: str) -> Aggregate:
    """Change an aggregate's name. Raises NotFound, or Conflict when the name is taken."""
    taken = tx.scalar(select(_t.id).where(_t.name == name, _t.id != aggregate_id))
    if taken is not None:
        raise Conflict(f"Aggregate {name} already exists.")
    try:
        tx.execute(update(aggregates).where(_t.id == aggregate_id).values(name=name, updated_at=tx.now()))
    except IntegrityError as error:
        if is_duplicate(tx.dialect, error):
            raise Conflict(f"Aggregate {name} already exists.") from error
        raise
    return _required(tx, aggregate_id)


def _required(tx: Tx, aggregate_id: int) -> Aggregate:
    found = aggregate_get(tx, aggregate_id)
    if found is None:
        raise NotFound(f"Aggregate {aggregate_id} could not be found.")
    return found


def aggregate_set_metadata(tx: Tx, aggregate_id: int, changes: Mapping[str, str | None]) -> Aggregate:
    """Set metadata items; one given as None is removed, others stay. Raises NotFound."""
    _touch(tx, aggregate_id)
    gone = [key for key, value in changes.items() if value is None]
    if gone:
        tx.execute(delete(aggregate_metadata).where(_m.aggregate_id == aggregate_id, _m.key.in_(gone)))
    rows: list[dict[str, Any]] = [
        {"aggregate_id": aggregate_id, "key": key, "value": value}
        for key, value in changes.items()
        if value is not None
    ]
    upsert(tx, aggregate_metadata, rows, ("aggregate_id", "key"))
    return _required(tx, aggregate_id)


def aggregate_add_host(tx: Tx, aggregate_id: int, host: str) -> Aggregate:
    """Put a host into an aggregate. Raises NotFound, or Conflict when it is in it."""
    _touch(tx, aggregate_id)
    if insert_new(tx, aggregate_hosts, {"aggregate_id": aggregate_id, "host": host}) is None:
        raise Conflict(f"Aggregate {aggregate_id} already has host {host}.")
    return _required(tx, aggregate_id)


def aggregate_remove_host(tx: Tx, aggregate_id: int, host: str) -> Aggregate:
    """Take a host out of an aggregate. Raises NotFound when either is not there."""
    _touch(tx, aggregate_id)
    statement = delete(aggregate_hosts).where(_h.aggregate_id == aggregate_id, _h.host == host)
    if tx.execute(statement).rowcount != 1:
        raise NotFound(f"Aggregate {aggregate_id} has no host {host}.")
    return _required(tx, aggregate_id)


def _touch(tx: Tx, aggregate_id: int) -> None:
    """Lock the aggregate's row until the end of the transaction, noting the change. Raises NotFound."""
    statement = update(aggregates).where(_t.id == aggregate_id).values(updated_at=tx.now())
    if tx.execute(statement).rowcount != 1:
        raise NotFound(f"Aggregate {aggregate_id} could not be found.")


def aggregate_delete(tx: Tx, aggregate_id: int) -> bool:
    """Remove an aggregate with its metadata and hosts; returns whether it was there."""
    return tx.execute(delete(aggregates).where(_t.id == aggregate_id)).rowcount == 1
