"""Migrations of a cell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from compute_service.domain.errors import Invalid
from compute_service.store.database import Database
from compute_service.store.migrations import (
    MigrationQuery,
    migration_count_on_host,
    migration_get,
    migration_get_by_id,
    migration_insert,
    migration_of_instance,
    migration_page,
    migration_update,
)
from tests.fixtures.records import a_migration, new_uuid
from tests.fixtures.stores import EAST, EPOCH, Times


def test_a_migration_comes_back_as_it_was_put_in_and_is_put_in_once(cell: Database) -> None:
    new = a_migration(new_uuid(), old_flavor_id=1, new_flavor_id=2, flow_id="f", memory_total=2**40)
    with cell.write() as tx:
        stored = migration_insert(tx, new)
        assert stored == new.replace(id=stored.id, updated_at=EPOCH, cell=EAST)
        assert migration_get(tx, new.uuid) == stored
        assert migration_insert(tx, new.replace(status="other")) == stored
        assert migration_get_by_id(tx, stored.id, new.instance_uuid) == stored
        assert migration_get_by_id(tx, stored.id, "another server") is None


def test_a_status_moves_only_from_where_it_is_expected(cell: Database, times: Times) -> None:
    new = a_migration(new_uuid())
    with cell.write() as tx:
        migration_insert(tx, new)
        later = times.pass_by(seconds=1)
        changed = migration_update(tx, new.uuid, ("migrating", "pre-migrating"), status="finished")
        assert changed is not None
        assert (changed.status, changed.updated_at) == ("finished", later)
        assert migration_update(tx, new.uuid, ("migrating",), status="error") is None
        assert migration_update(tx, "unknown", status="error") is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "cba"),
        ({"host": "h2"}, "ba"),
        ({"source_compute": "h2"}, "b"),
        ({"status": "finished"}, "b"),
        ({"status": ("finished", "error")}, "cb"),
        ({"migration_type": "live-migration"}, "c"),
        ({"project_id": "p"}, "a"),
        ({"user_id": "u"}, "b"),
        ({"instance_uuid": "server-c"}, "c"),
        ({"hidden": None}, "dcba"),
        ({"changes_since": EPOCH + timedelta(seconds=1)}, "cb"),
        ({"changes_before": EPOCH + timedelta(seconds=1)}, "ba"),
    ],
)
def test_migrations_are_filtered_newest_first(cell: Database, query: dict[str, Any], found: str) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"source_compute": "h1", "dest_compute": "h2", "project_id": "p"},
        "b": {"source_compute": "h2", "dest_compute": "h3", "status": "finished", "user_id": "u"},
        "c": {"source_compute": "h4", "migration_type": "live-migration", "status": "error"},
        "d": {"hidden": True},
    }
    with cell.write() as tx:
        for n, (name, fields) in enumerate(rows.items()):
            at = EPOCH + timedelta(seconds=n)
            migration_insert(tx, a_migration(f"server-{name}", created_at=at, **fields))
        page = migration_page(tx, MigrationQuery(**query))
    assert "".join(m.instance_uuid[-1] for m in page) == found


def test_pages_of_migrations_join_up_to_the_whole_list(cell: Database) -> None:
    with cell.write() as tx:
        for n in range(7):
            migration_insert(tx, a_migration(new_uuid(), created_at=EPOCH + timedelta(seconds=n // 3)))
        whole = [m.uuid for m in migration_page(tx, MigrationQuery())]
        paged: list[str] = []
        while page := migration_page(tx, MigrationQuery(limit=3, marker=paged[-1] if paged else None)):
            paged.extend(m.uuid for m in page)
        assert paged == whole
        with pytest.raises(Invalid, match="unknown"):
            migration_page(tx, MigrationQuery(marker="unknown"))


def test_a_server_finds_its_newest_migration_of_a_status(cell: Database) -> None:
    server = new_uuid()
    with cell.write() as tx:
        migration_insert(tx, a_migration(server, status="finished"))
        newest = migration_insert(tx, a_migration(server, status="finished"))
        migration_insert(tx, a_migration(server, status="error"))
        assert migration_of_instance(tx, server, ("finished",)) == newest
        assert migration_of_instance(tx, server, ("confirmed",)) is None
        assert migration_count_on_host(tx, "host2", ("finished", "error")) == 3
        assert migration_count_on_host(tx, "host2", ("confirmed",)) == 0
