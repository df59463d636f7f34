"""An installer's steps on real database servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.manage.shell import Shell

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("server", ["mariadb", "postgresql"])
def test_an_installers_steps(server: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fresh_url = request.getfixturevalue(f"{server}_url_factory")
    shell = Shell(tmp_path)
    cell0 = fresh_url()
    shell.sections = {"api_database": {"connection": fresh_url()}, "database": {"connection": fresh_url()}}
    for command in (
        "api_db sync",
        f"cell_v2 map_cell0 --database_connection {cell0}",
        "cell_v2 create_cell --name cell1 --verbose",
        "db sync",
    ):
        assert shell.run(command) == 0, shell.text
    assert shell.run("cell_v2 list_cells") == 0
    assert ":****@127.0.0.1" in shell.text
    shell.register("cmp1")
    assert shell.run("cell_v2 discover_hosts --strict") == 0
    assert shell.run("cell_v2 list_hosts") == 0
    assert "cmp1" in shell.text
    server_uuid = shell.server(mapped=False).uuid
    assert shell.run(f"cell_v2 map_instances --cell_uuid {shell.cell()}") == 0
    assert shell.run(f"cell_v2 verify_instance --uuid {server_uuid}") == 0
    assert shell.run("db archive_deleted_rows --all-cells") == 0
    assert shell.run("flow list") == 0
    shell.store.close()
