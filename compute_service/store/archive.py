"""Old rows: moved out of the way of lists, and later dropped.

Archiving moves deleted servers of a cell, with their tags, flows and migrations, into the `shadow_` tables,
and purging empties those. Both work in small transactions, so that neither holds up the service, and can be
broken off anywhere. A server with an unfinished or stuck flow is left where it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, and_, delete, exists, insert, select

from compute_service.domain.flow import FlowState
from compute_service.domain.record import Record
from compute_service.store.database import Database, Tx
from compute_service.store.groups import group_remove_members
from compute_service.store.mappings import instance_mappings_delete
from compute_service.store.tables.flows import flow_steps, flows, shadow_flow_steps, shadow_flows
from compute_service.store.tables.hosts import migrations, shadow_migrations
from compute_service.store.tables.instances import instances, shadow_instances, shadow_tags, tags

BATCH: Final = 100
"""Servers or flows a transaction."""

_ENDED: Final = (FlowState.DONE.value, FlowState.FAILED.value)
_NOT_ENDED: Final = tuple(state.value for state in FlowState if state.value not in _ENDED)


class Archived(Record):
    """What was archived: rows by table, and the servers, whose mappings the API database may now forget."""

    rows: dict[str, int] = {}
    instances: tuple[str, ...] = ()


def archive_deleted_rows(
    database: Database, before: datetime | None = None, max_rows: int = 1000
) -> Archived:
    """Move about `max_rows` rows of a cell into its shadow tables: those deleted before a time, or all.

    A server is moved whole with what belongs to it, so the last one may go somewhat over `max_rows`.
    """
    moved: Counter[str] = Counter()
    uuids: list[str] = []
    while moved.total() < max_rows:
        batch = min(BATCH, max(1, (max_rows - moved.total()) // 4))
        with database.write() as tx:
            chosen = _deleted_instances(tx, before, batch)
            loose = [] if chosen else _loose_flows(tx, before, batch)
            if not chosen and not loose:
                break
            _archive_instances(tx, chosen, moved)
            _archive_flows(tx, loose, moved)
        uuids.extend(chosen)
    return Archived(rows=dict(moved), instances=tuple(uuids))


def forget_archived(tx: Tx, uuids: Sequence[str]) -> int:
    """Remove what the API database knows of archived servers; returns how many mappings there were."""
    for start in range(0, len(uuids), BATCH):
        group_remove_members(tx, uuids[start : start + BATCH])
    return sum(
        instance_mappings_delete(tx, uuids[start : start + BATCH]) for start in range(0, len(uuids), BATCH)
    )


def purge_shadow_rows(database: Database, before: datetime | None = None) -> dict[str, int]:
    """Drop from a cell's shadow tables what was deleted before a time, or everything; rows by table."""
    gone: Counter[str] = Counter()
    s, f = shadow_instances.c, shadow_flows.c
    old = s.deleted_at.is_not(None) if before is None else s.deleted_at < before
    ended = f.finished_at.is_not(None) if before is None else f.finished_at < before
    while True:
        with database.write() as tx:
            uuids = _first(tx, select(s.uuid).where(old).limit(BATCH))
            if not uuids:
                break
            of_instances = _first(tx, select(f.id).where(f.instance_uuid.in_(uuids)))
            _drop(tx, shadow_tags, shadow_tags.c.instance_uuid.in_(uuids), gone)
            _drop(tx, shadow_migrations, shadow_migrations.c.instance_uuid.in_(uuids), gone)
            _drop_flows(tx, (shadow_flows, shadow_flow_steps), of_instances, gone)
            _drop(tx, shadow_instances, s.uuid.in_(uuids), gone)
    while True:
        with database.write() as tx:
            loose = and_(ended, ~exists().where(s.uuid == f.instance_uuid))
            ids = _first(tx, select(f.id).where(loose).limit(BATCH))
            if not ids:
                break
            _drop_flows(tx, (shadow_flows, shadow_flow_steps), ids, gone)
    return dict(gone)


def purge_finished_flows(database: Database, before: datetime, max_rows: int = 1000) -> int:
    """Drop flows of the API database that ended before a time and belong to no server there.

    Such are the finished `place` flows: what users see of a create is the `build` flow in its cell.
    """
    gone: Counter[str] = Counter()
    while gone["flows"] < max_rows:
        with database.write() as tx:
            ids = _loose_flows(tx, before, min(BATCH, max_rows - gone["flows"]))
            if not ids:
                break
            _drop_flows(tx, (flows, flow_steps), ids, gone)
    return gone["flows"]


def _first(tx: Tx, statement: Select[Any]) -> list[str]:
    return [row[0] for row in tx.all(statement)]


def _deleted_instances(tx: Tx, before: datetime | None, limit: int) -> list[str]:
    i, f = instances.c, flows.c
    busy = exists().where(f.instance_uuid == i.uuid, f.state.in_(_NOT_ENDED))
    # `deleted` is the row's id, so that these come in order from an index without the living.
    conditions = [i.deleted > 0, ~busy]
    if before is not None:
        conditions.append(i.deleted_at < before)
    return _first(tx, select(i.uuid).where(*conditions).order_by(i.deleted).limit(limit))


def _loose_flows(tx: Tx, before: datetime | None, limit: int) -> list[str]:
    """Return finished flows whose server is not here (any more)."""
    i, f = instances.c, flows.c
    ended = f.finished_at.is_not(None) if before is None else f.finished_at < before
    wanted = and_(f.state.in_(_ENDED), ended, ~exists().where(i.uuid == f.instance_uuid))
    return _first(tx, select(f.id).where(wanted).order_by(f.finished_at).limit(limit))


def _archive_instances(tx: Tx, uuids: list[str], moved: Counter[str]) -> None:
    if not uuids:
        return
    f = flows.c
    _archive_flows(tx, _first(tx, select(f.id).where(f.instance_uuid.in_(uuids))), moved)
    _move(tx, tags, shadow_tags, tags.c.instance_uuid.in_(uuids), moved)
    _move(tx, migrations, shadow_migrations, migrations.c.instance_uuid.in_(uuids), moved)
    _move(tx, instances, shadow_instances, instances.c.uuid.in_(uuids), moved)


def _archive_flows(tx: Tx, ids: list[str], moved: Counter[str]) -> None:
    if ids:
        _move(tx, flow_steps, shadow_flow_steps, flow_steps.c.flow_id.in_(ids), moved)
        _move(tx, flows, shadow_flows, flows.c.id.in_(ids), moved)


def _move(tx: Tx, table: Table, shadow: Table, which: ColumnElement[bool], moved: Counter[str]) -> None:
    names = [column.name for column in table.columns]
    tx.execute(insert(shadow).from_select(names, select(*table.columns).where(which)))
    _drop(tx, table, which, moved)


def _drop_flows(tx: Tx, where: tuple[Table, Table], ids: list[str], gone: Counter[str]) -> None:
    if ids:
        _drop(tx, where[1], where[1].c.flow_id.in_(ids), gone)
        _drop(tx, where[0], where[0].c.id.in_(ids), gone)


def _drop(tx: Tx, table: Table, which: ColumnElement[bool], gone: Counter[str]) -> None:
    dropped = tx.execute(delete(table).where(which)).rowcount
    if dropped:
        gone[table.name] += dropped
