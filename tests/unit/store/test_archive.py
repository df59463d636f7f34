"""Deleted servers are moved aside, and later dropped."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from compute_service.domain.flow import FlowState
from compute_service.domain.instance import Instance
from compute_service.store.archive import (
    archive_deleted_rows,
    forget_archived,
    purge_finished_flows,
    purge_shadow_rows,
)
from compute_service.store.database import Database
from compute_service.store.engine import Store
from compute_service.store.flows import flow_get, flow_insert, step_start, steps_of
from compute_service.store.instances import instance_delete, instance_get, instance_insert
from compute_service.store.mappings import instance_mapping_get, instance_mapping_insert
from compute_service.store.migrations import migration_get, migration_insert
from compute_service.store.tables.columns import CELL
from tests.fixtures.records import a_flow, a_full_instance, a_mapping, a_migration, a_step, an_instance
from tests.fixtures.stores import EPOCH

DAY = timedelta(days=1)
DONE, RUNNING = FlowState.DONE, FlowState.RUNNING


def _server(
    cell: Database, deleted_days_ago: int | None, flow: FlowState = DONE
) -> tuple[Instance, str, str]:
    """Put in a server with two tags, a flow of two steps and a migration."""
    with cell.write() as tx:
        server = instance_insert(tx, a_full_instance())
        history = a_flow(instance_uuid=server.uuid, state=flow, finished_at=EPOCH - 9 * DAY)
        flow_insert(tx, history)
        for seq in range(2):
            step_start(tx, a_step(history.id, seq))
        move = migration_insert(tx, a_migration(server.uuid))
        if deleted_days_ago is not None:
            instance_delete(tx, server, EPOCH - deleted_days_ago * DAY)
    return server, history.id, move.uuid


def _count(cell: Database, *tables: str) -> list[int]:
    with cell.read() as tx:
        return [tx.scalar(select(func.count()).select_from(CELL.tables[name])) for name in tables]


SHADOWS = ("shadow_instances", "shadow_tags", "shadow_flows", "shadow_flow_steps", "shadow_migrations")


def test_a_deleted_server_goes_with_all_that_belongs_to_it(cell: Database) -> None:
    gone, gone_flow, gone_move = _server(cell, 2)
    kept, kept_flow, kept_move = _server(cell, None)
    archived = archive_deleted_rows(cell)
    assert archived.instances == (gone.uuid,)
    assert archived.rows == {"instances": 1, "tags": 2, "flows": 1, "flow_steps": 2, "migrations": 1}
    with cell.read() as tx:
        assert instance_get(tx, gone.uuid, deleted=True) is None
        assert (flow_get(tx, gone_flow), steps_of(tx, gone_flow)) == (None, [])
        assert migration_get(tx, gone_move) is None
        assert instance_get(tx, kept.uuid) == kept
        assert flow_get(tx, kept_flow) is not None
        assert len(steps_of(tx, kept_flow)) == 2
        assert migration_get(tx, kept_move) is not None
    assert _count(cell, *SHADOWS) == [1, 2, 1, 2, 1]


def test_archiving_again_finds_nothing(cell: Database) -> None:
    _server(cell, 2)
    archive_deleted_rows(cell)
    assert archive_deleted_rows(cell).rows == {}


def test_only_what_was_deleted_before_a_time_goes(cell: Database) -> None:
    old, _, _ = _server(cell, 5)
    _server(cell, 1)
    assert archive_deleted_rows(cell, before=EPOCH - 2 * DAY).instances == (old.uuid,)


def test_a_server_with_unfinished_work_stays(cell: Database) -> None:
    _server(cell, 5, RUNNING)
    _server(cell, 5, FlowState.STUCK)
    assert archive_deleted_rows(cell).rows == {}


def test_archiving_stops_near_the_number_of_rows_asked_for(cell: Database) -> None:
    for _ in range(5):
        _server(cell, 5)
    first = archive_deleted_rows(cell, max_rows=8)
    assert sum(first.rows.values()) == 14
    assert len(first.instances) == 2
    assert len(archive_deleted_rows(cell).instances) == 3


def test_finished_flows_of_no_server_go_too(cell: Database) -> None:
    with cell.write() as tx:
        flow_insert(tx, a_flow(id="old", state=DONE, finished_at=EPOCH - 5 * DAY))
        flow_insert(tx, a_flow(id="new", state=DONE, finished_at=EPOCH))
        flow_insert(tx, a_flow(id="running", state=RUNNING))
    assert archive_deleted_rows(cell, before=EPOCH - DAY).rows == {"flows": 1}
    assert archive_deleted_rows(cell).rows == {"flows": 1}
    assert _count(cell, "flows") == [1]


def test_shadow_rows_are_dropped_by_age(cell: Database) -> None:
    _server(cell, 5)
    _server(cell, 2)
    with cell.write() as tx:
        flow_insert(tx, a_flow(state=DONE, finished_at=EPOCH - 5 * DAY))
    archive_deleted_rows(cell)
    gone = purge_shadow_rows(cell, before=EPOCH - 3 * DAY)
    assert gone == {
        "shadow_instances": 1,
        "shadow_tags": 2,
        "shadow_flows": 2,
        "shadow_flow_steps": 2,
        "shadow_migrations": 1,
    }
    assert _count(cell, *SHADOWS) == [1, 2, 1, 2, 1]
    purge_shadow_rows(cell)
    assert _count(cell, *SHADOWS) == [0, 0, 0, 0, 0]
    assert purge_shadow_rows(cell) == {}


def test_the_api_database_forgets_archived_servers(store: Store) -> None:
    servers = [an_instance() for _ in range(3)]
    with store.api.write() as tx:
        for server in servers:
            instance_mapping_insert(tx, a_mapping(server))
        assert forget_archived(tx, [servers[0].uuid, servers[1].uuid, "unknown"]) == 2
        assert forget_archived(tx, []) == 0
        assert instance_mapping_get(tx, servers[0].uuid) is None
        assert instance_mapping_get(tx, servers[2].uuid) is not None


def test_finished_placing_flows_are_dropped_from_the_api_database(api: Database) -> None:
    with api.write() as tx:
        unplaced = instance_insert(tx, an_instance())
        for flow in (
            a_flow(id="old", state=DONE, finished_at=EPOCH - 2 * DAY),
            a_flow(id="new", state=DONE, finished_at=EPOCH),
            a_flow(id="running", state=RUNNING),
            a_flow(id="of-a-server", state=DONE, finished_at=EPOCH - 2 * DAY, instance_uuid=unplaced.uuid),
        ):
            flow_insert(tx, flow)
        step_start(tx, a_step("old"))
    assert purge_finished_flows(api, EPOCH - DAY) == 1
    with api.read() as tx:
        assert flow_get(tx, "old") is None
        assert steps_of(tx, "old") == []
        assert [flow_get(tx, i) is None for i in ("new", "running", "of-a-server")] == [False] * 3
