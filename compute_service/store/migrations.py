"""Migrations of one cell: moves of servers between hosts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from compute_service.domain.errors import Invalid, NotFound
from compute_service.domain.migration import Migration
from compute_service.domain.record import Record
from compute_service.store.database import Tx, Values
from compute_service.store.sql import beyond, insert_new
from compute_service.store.tables.hosts import migrations

_t = migrations.c
_FIELDS = (
    "id",
    "uuid",
    "instance_uuid",
    "migration_type",
    "status",
    "source_compute",
    "dest_compute",
    "source_node",
    "dest_node",
    "dest_host",
    "old_flavor_id",
    "new_flavor_id",
    "user_id",
    "project_id",
    "flow_id",
    "created_at",
    "updated_at",
    "hidden",
    "memory_total",
    "memory_processed",
    "memory_remaining",
    "disk_total",
    "disk_processed",
    "disk_remaining",
)
PROGRESS = tuple(name for name in _FIELDS if name.startswith(("memory_", "disk_")))
"""The columns that tell how far a live migration is."""
_SELECT = select(*(_t[name] for name in _FIELDS))


class MigrationQuery(Record):
    """Which migrations are wanted; newest first. A tuple finds any of its values."""

    instance_uuid: str | None = None
    host: str | None = None
    """Source or destination."""
    source_compute: str | None = None
    status: str | tuple[str, ...] | None = None
    migration_type: str | None = None
    user_id: str | None = None
    project_id: str | None = None
    hidden: bool | None = False
    changes_since: datetime | None = None
    changes_before: datetime | None = None
    marker: str | None = None
    """The UUID of the last migration of the page before."""
    limit: int | None = None


def _migration(tx: Tx, row: Values) -> Migration:
    values = dict(zip(_FIELDS, row, strict=True))
    values["hidden"] = bool(values["hidden"])
    return Migration(**values, cell=tx.database)


def migration_insert(tx: Tx, migration: Migration) -> Migration:
    """Add a migration; one of that UUID that is there already is returned as it stands."""
    values = {name: getattr(migration, name) for name in _FIELDS if name != "id"}
    values["updated_at"] = migration.updated_at or migration.created_at
    new = insert_new(tx, migrations, values)
    if new is not None:
        return migration.replace(id=new, updated_at=values["updated_at"], cell=tx.database)
    found = migration_get(tx, migration.uuid)
    if found is None:
        raise NotFound(f"Migration {migration.uuid} could not be found.")
    return found


def migration_get(tx: Tx, uuid: str) -> Migration | None:
    """Return a migration by UUID, or None."""
    row = tx.one(_SELECT.where(_t.uuid == uuid))
    return None if row is None else _migration(tx, row)


def migration_get_by_id(tx: Tx, migration_id: int, instance_uuid: str) -> Migration | None:
    """Return a server's migration by its integer id in this cell, or None."""
    row = tx.one(_SELECT.where(_t.id == migration_id, _t.instance_uuid == instance_uuid))
    return None if row is None else _migration(tx, row)


def migration_update(
    tx: Tx, uuid: str, from_status: Sequence[str] | None = None, **changes: Any
) -> Migration | None:
    """Change a migration, only if its status is one of `from_status` when given.

    Returns it as it is then, or None when it is not there or has another status.
    """
    statement = update(migrations).where(_t.uuid == uuid)
    if from_status is not None:
        statement = statement.where(_t.status.in_(from_status))
    changes.setdefault("updated_at", tx.now())
    if tx.execute(statement.values(**changes)).rowcount != 1:
        return None
    return migration_get(tx, uuid)


def migration_progress(tx: Tx, instance_uuid: str, flow_id: str, left: dict[str, int]) -> None:
    """Write what the migration of a server by a flow still has to carry, in bytes by column.

    Other names are passed over.
    """
    changes: dict[str, Any] = {name: left[name] for name in PROGRESS if name in left}
    if changes:
        of_flow = update(migrations).where(_t.instance_uuid == instance_uuid, _t.flow_id == flow_id)
        tx.execute(of_flow.values(**changes, updated_at=tx.now()))


def migration_page(tx: Tx, query: MigrationQuery, after: Migration | None = None) -> list[Migration]:
    """Return one page of migrations, newest first, in one statement.

    `after` is the migration behind which the page begins, for callers that merge cells; otherwise
    `query.marker` is looked up here. Raises Invalid for an unknown marker.
    """
    if after is None and query.marker is not None:
        after = migration_get(tx, query.marker)
        if after is None:
            raise Invalid(f"Marker {query.marker} could not be found.")
    statement = _SELECT.where(*_conditions(query))
    if after is not None:
        statement = statement.where(
            _t.created_at <= after.created_at,
            beyond([(_t.created_at, True, after.created_at), (_t.uuid, True, after.uuid)]),
        )
    statement = statement.order_by(_t.created_at.desc(), _t.uuid.desc())
    return [
        _migration(tx, r) for r in tx.all(statement if query.limit is None else statement.limit(query.limit))
    ]


def _conditions(query: MigrationQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name in ("instance_uuid", "source_compute", "migration_type", "user_id", "project_id", "hidden"):
        value = getattr(query, name)
        if value is not None:
            conditions.append(_t[name] == value)
    if query.host is not None:
        conditions.append(or_(_t.source_compute == query.host, _t.dest_compute == query.host))
    if query.status is not None:
        wanted = (query.status,) if isinstance(query.status, str) else query.status
        conditions.append(_t.status.in_(wanted))
    if query.changes_since is not None:
        conditions.append(_t.updated_at >= query.changes_since)
    if query.changes_before is not None:
        conditions.append(_t.updated_at <= query.changes_before)
    return conditions


def migration_of_instance(tx: Tx, instance_uuid: str, status: Sequence[str]) -> Migration | None:
    """Return a server's newest migration whose status is one of these, or None."""
    statement = _SELECT.where(_t.instance_uuid == instance_uuid, _t.status.in_(status))
    row = tx.one(statement.order_by(_t.id.desc()).limit(1))
    return None if row is None else _migration(tx, row)


def migration_count_on_host(tx: Tx, host: str, status: Sequence[str]) -> int:
    """Return how many migrations from or to a host have one of these statuses."""
    on_host = or_(_t.source_compute == host, _t.dest_compute == host)
    return int(tx.scalar(select(func.count()).select_from(migrations).where(on_host, _t.status.in_(status))))
