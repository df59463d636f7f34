from __future__ import annotations

import io
from datetime import datetime

import pytest

from compute_service.manage.online import run_migrations
from compute_service.store.engine import Store
from compute_service.store.instances import instance_delete
from compute_service.store.mappings import instance_mapping_get
from compute_service.store.schema.upgrade import newest
from compute_service.store.tables.instances import instances, shadow_instances
from tests.unit.manage.shell import Shell


def deleted(shell: Shell, count: int, when: datetime, cell: str | None = None) -> list[str]:
    made = [shell.server(cell) for _ in range(count)]
    with shell.store.database(cell or shell.cell()).write() as tx:
        for server in made:
            instance_delete(tx, server, when)
    return [server.uuid for server in made]


def rows(shell: Shell, shadow: bool = False) -> int:
    table = shadow_instances if shadow else instances
    with shell.store.database(shell.cell()).read() as tx:
        return len(tx.all(table.select()))


@pytest.mark.parametrize(("category", "which"), [("api_db", "api"), ("db", "cell")])
def test_sync_makes_the_schema_and_version_tells_it(fresh: Shell, category: str, which: str) -> None:
    fresh.run("api_db sync")
    fresh.run("cell_v2 map_cell0")
    if category == "db":
        assert fresh.run("db version") == 0
        assert fresh.text == "None\n"
    for _ in range(2):
        assert fresh.run(f"{category} sync") == 0
        assert fresh.text == ""
    assert fresh.run(f"{category} version") == 0
    assert fresh.text == f"{newest(which)}\n"


@pytest.mark.parametrize("category", ["api_db", "db"])
def test_sync_takes_a_revision_and_refuses_one_that_does_not_exist(shell: Shell, category: str) -> None:
    revision = newest("api" if category == "api_db" else "cell")
    assert shell.run(f"{category} sync {revision}") == 0
    assert shell.run(f"{category} sync nonsense") == 1
    assert "nonsense is not a revision" in shell.text


@pytest.mark.parametrize(("category", "section"), [("api_db", "api_database"), ("db", "database")])
@pytest.mark.parametrize("command", ["sync", "version"])
def test_a_database_that_is_not_configured_is_told(
    shell: Shell, category: str, section: str, command: str
) -> None:
    shell.sections[section] = {"connection": None}
    assert shell.run(f"{category} {command}") == 1
    assert f"[{section}]" in shell.text


def test_sync_brings_cell0_along_unless_told_not_to(fresh: Shell) -> None:
    fresh.run("api_db sync")
    assert fresh.run("db sync") == 1
    assert "map_cell0" in fresh.text
    fresh.run("cell_v2 map_cell0")
    assert fresh.run("db sync --local_cell") == 0
    assert not (fresh.directory / "nova_cell0").exists()
    assert fresh.run("db sync") == 0
    assert (fresh.directory / "nova_cell0").exists()


def test_sync_tells_of_a_cell0_that_cannot_be_reached(fresh: Shell) -> None:
    fresh.run("api_db sync")
    fresh.run("cell_v2 map_cell0 --database_connection sqlite:////nowhere/at/all")
    assert fresh.run("db sync") == 1
    assert "cell0" in fresh.text
    fresh.run("db version")
    assert fresh.text == f"{newest('cell')}\n"


def test_archiving_moves_deleted_servers_and_forgets_them(shell: Shell) -> None:
    gone = deleted(shell, 2, datetime(2025, 1, 1))
    shell.server()
    assert shell.run("db archive_deleted_rows --verbose") == 1
    assert [line.split("|")[1:3] for line in shell.text.splitlines() if "inst" in line] == [
        [" API_DB.instance_mappings ", "            2            "],
        ["        instances         ", "            2            "],
    ]
    assert (rows(shell), rows(shell, shadow=True)) == (1, 2)
    with shell.store.api.read() as tx:
        assert instance_mapping_get(tx, gone[0]) is None
    assert shell.run("db archive_deleted_rows --verbose") == 0
    assert shell.text == "Nothing was archived.\n"
    assert shell.run("db archive_deleted_rows") == 0
    assert shell.text == ""


def test_archiving_of_all_cells_names_them(shell: Shell) -> None:
    deleted(shell, 1, datetime(2025, 1, 1))
    deleted(shell, 1, datetime(2025, 1, 1), shell.another_cell())
    assert shell.run("db archive_deleted_rows --all-cells --verbose --task-log") == 1
    assert "cell1.instances" in shell.text
    assert "cell2.instances" in shell.text
    assert "API_DB.instance_mappings" in shell.text


def test_archiving_keeps_to_a_date(shell: Shell) -> None:
    deleted(shell, 1, datetime(2025, 1, 1))
    deleted(shell, 1, datetime(2025, 3, 1))
    assert shell.run("db archive_deleted_rows --before 2025-02-01") == 1
    assert rows(shell) == 1
    assert shell.run("db archive_deleted_rows --before 'Feb 1 2025'") == 0


def test_archiving_goes_on_until_nothing_is_left_and_rests_between(shell: Shell) -> None:
    deleted(shell, 5, datetime(2025, 1, 1))
    assert shell.run("db archive_deleted_rows --max_rows 2") == 1
    assert rows(shell) == 3
    assert shell.run("db archive_deleted_rows --max_rows 1 --until-complete --sleep 3") == 1
    assert rows(shell) == 0
    assert shell.clock.slept == [3.0, 3.0, 3.0]


def test_archiving_can_purge_at_once(shell: Shell) -> None:
    deleted(shell, 2, datetime(2025, 1, 1))
    assert shell.run("db archive_deleted_rows --purge --verbose") == 1
    assert "shadow_instances" in shell.text
    assert rows(shell, shadow=True) == 0


def test_archiving_has_a_code_for_each_mistake(shell: Shell) -> None:
    assert shell.run("db archive_deleted_rows --max_rows 0") == 2
    assert shell.run("db archive_deleted_rows --max_rows 9999999999") == 2
    assert shell.run("db archive_deleted_rows --before soon") == 4
    shell.sections["api_database"] = {"connection": None}
    assert shell.run("db archive_deleted_rows") == 3
    assert "API database" in shell.text


def test_purging_drops_what_was_archived(shell: Shell) -> None:
    deleted(shell, 1, datetime(2025, 1, 1))
    deleted(shell, 1, datetime(2025, 3, 1))
    shell.run("db archive_deleted_rows")
    assert shell.run("db purge --before 2025-02-01 --verbose") == 0
    assert "| shadow_instances |" in shell.text
    assert rows(shell, shadow=True) == 1
    assert shell.run("db purge --all --all-cells --verbose") == 0
    assert "cell1.shadow_instances" in shell.text
    assert shell.run("db purge --all --verbose") == 3
    assert shell.text == "Nothing was purged.\n"


def test_purging_has_a_code_for_each_mistake(shell: Shell) -> None:
    assert shell.run("db purge") == 1
    assert "--all or --before" in shell.text
    assert shell.run("db purge --before soon") == 2
    shell.sections["api_database"] = {"connection": None}
    assert shell.run("db purge --all") == 4


def test_online_data_migrations_have_nothing_to_do_yet(shell: Shell) -> None:
    assert shell.run("db online_data_migrations") == 0
    assert shell.text.splitlines()[0] == "Running batches of 50 until complete"
    assert "| Migration | Total Needed | Completed |" in shell.text
    assert shell.run("db online_data_migrations --max-count 0") == 127


class Rows:
    """A migration with so many rows to change; `broken` ones it finds and cannot change."""

    def __init__(self, left: int, broken: bool = False) -> None:
        self.left = left
        self.broken = broken

    def __call__(self, store: Store, count: int) -> tuple[int, int]:
        if self.broken:
            raise ValueError("cannot")
        done = min(self.left, count)
        self.left -= done
        return done, done


def test_online_data_migrations_run_in_batches_to_the_end(shell: Shell) -> None:
    out = io.StringIO()
    one, two = Rows(120), Rows(3)
    assert run_migrations({"one": one, "two": two}, None, shell.tools(out)) == 0
    assert (one.left, two.left) == (0, 0)
    assert "50 rows matched one, 50 migrated" in out.getvalue()
    assert "|    one    |     120      |    120    |" in out.getvalue()


def test_online_data_migrations_stop_at_a_count(shell: Shell) -> None:
    one, two = Rows(7), Rows(7)
    assert run_migrations({"one": one, "two": two}, 10, shell.tools(io.StringIO())) == 1
    assert (one.left, two.left) == (0, 4)
    assert run_migrations({"one": one, "two": two}, 10, shell.tools(io.StringIO())) == 1
    assert run_migrations({"one": one, "two": two}, 10, shell.tools(io.StringIO())) == 0


def test_an_online_data_migration_that_fails_does_not_stop_the_others(shell: Shell) -> None:
    out = io.StringIO()
    one = Rows(7)
    assert run_migrations({"bad": Rows(1, broken=True), "one": one}, None, shell.tools(out)) == 2
    assert one.left == 0
    assert "Error attempting to run bad" in out.getvalue()
