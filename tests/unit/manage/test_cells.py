from __future__ import annotations

import json

import pytest

from compute_service.domain.host import CELL0
from compute_service.store.instances import instance_delete
from compute_service.store.mappings import cell_mapping_get, cell_mapping_list, host_mapping_get
from tests.unit.manage.shell import TRANSPORT, Shell


def cells(shell: Shell) -> dict[str | None, str]:
    with shell.store.api.read() as tx:
        return {cell.name: cell.database_connection for cell in cell_mapping_list(tx)}


def test_map_cell0_derives_its_database_and_may_be_repeated(fresh: Shell) -> None:
    fresh.run("api_db sync")
    assert fresh.run("cell_v2 map_cell0") == 0
    assert cells(fresh) == {"cell0": fresh.url("nova_cell0")}
    assert fresh.run("cell_v2 map_cell0") == 0
    assert fresh.text == "Cell0 is already setup\n"


def test_map_cell0_takes_a_url_and_needs_one(fresh: Shell) -> None:
    fresh.run("api_db sync")
    fresh.sections["database"] = {"connection": None}
    assert fresh.run("cell_v2 map_cell0") == 1
    assert "--database_connection" in fresh.text
    assert fresh.run(f"cell_v2 map_cell0 --database_connection {fresh.url('zero')}") == 0
    assert cells(fresh) == {"cell0": fresh.url("zero")}


def test_create_cell_prints_its_uuid_when_verbose(shell: Shell) -> None:
    urls = f"--transport-url rabbit://other/ --database_connection {shell.url('other')}"
    assert shell.run(f"cell_v2 create_cell --name other --verbose {urls}") == 0
    assert shell.text.strip() == shell.cell("other")


def test_create_cell_is_silent_otherwise_and_can_be_disabled(shell: Shell) -> None:
    urls = f"--transport_url rabbit://other/ --database-connection {shell.url('other')}"
    assert shell.run(f"cell_v2 create_cell --disabled --name other {urls}") == 0
    assert shell.text == ""
    with shell.store.api.read() as tx:
        assert cell_mapping_get(tx, shell.cell("other")).disabled


@pytest.mark.parametrize("section", ["DEFAULT", "database"])
def test_create_cell_needs_both_urls(fresh: Shell, section: str) -> None:
    fresh.run("api_db sync")
    fresh.sections[section] = {"transport_url" if section == "DEFAULT" else "connection": None}
    assert fresh.run("cell_v2 create_cell --name cell1") == 1
    assert f"[{section}]" in fresh.text


@pytest.mark.parametrize("url", ["--transport-url rabbit://other/", "--database_connection sqlite:///x"])
def test_create_cell_refuses_urls_that_a_cell_has(shell: Shell, url: str) -> None:
    assert shell.run(f"cell_v2 create_cell --name again {url}") == 2
    assert shell.cell() in shell.text


def test_create_cell_refuses_a_url_of_no_database(shell: Shell) -> None:
    urls = "--transport-url rabbit://other/ --database_connection nonsense"
    assert shell.run(f"cell_v2 create_cell {urls}") == 1
    assert "not a URL" in shell.text


def test_list_cells_masks_passwords_unless_verbose(shell: Shell) -> None:
    assert shell.run("cell_v2 list_cells") == 0
    lines = shell.text.splitlines()
    assert lines[1].replace(" ", "") == "|Name|UUID|TransportURL|DatabaseConnection|Disabled|"
    assert [line.split("|")[1].strip() for line in lines[3:-1]] == ["cell0", "cell1"]
    assert "rabbit://openstack:****@controller:5672/" in shell.text
    assert " none:/ " in shell.text
    assert "secret" not in shell.text
    shell.run("cell_v2 list_cells --verbose")
    assert TRANSPORT in shell.text
    assert "none:///" in shell.text


def test_list_cells_as_json(shell: Shell) -> None:
    assert shell.run("cell_v2 list_cells --json") == 0
    found = json.loads(shell.text)
    assert [cell["name"] for cell in found] == ["cell0", "cell1"]
    assert found[0]["uuid"] == CELL0
    assert found[1]["transport_url"] == "rabbit://openstack:****@controller:5672/"
    assert found[1]["disabled"] is False


def test_update_cell_changes_what_is_given_and_takes_the_rest_from_the_configuration(shell: Shell) -> None:
    uuid = shell.cell()
    shell.sections["DEFAULT"] = {"transport_url": "rabbit://new/"}
    assert shell.run(f"cell_v2 update_cell --cell_uuid {uuid} --name renamed") == 0
    with shell.store.api.read() as tx:
        after = cell_mapping_get(tx, uuid)
    assert (after.name, after.transport_url, after.database_connection) == (
        "renamed",
        "rabbit://new/",
        shell.url("nova"),
    )


def test_update_cell_disables_and_enables(shell: Shell) -> None:
    uuid = shell.cell()
    for option, disabled in (("--disable", True), ("--enable", False)):
        assert shell.run(f"cell_v2 update_cell --cell_uuid {uuid} {option}") == 0
        with shell.store.api.read() as tx:
            assert cell_mapping_get(tx, uuid).disabled is disabled


def test_update_cell_has_a_code_for_each_mistake(shell: Shell) -> None:
    uuid, other = shell.cell(), shell.another_cell()
    own = f"--transport-url {TRANSPORT} --database_connection {shell.url('nova')}"
    assert shell.run("cell_v2 update_cell --cell_uuid unknown --name x") == 1
    assert shell.run(f"cell_v2 update_cell --cell_uuid {uuid} --database_connection nonsense") == 2
    assert shell.run(f"cell_v2 update_cell --cell_uuid {other} {own}") == 3
    assert shell.run(f"cell_v2 update_cell --cell_uuid {uuid} --enable --disable") == 4
    assert shell.run(f"cell_v2 update_cell --cell_uuid {CELL0} --disable") == 5


def test_delete_cell_removes_an_empty_one(shell: Shell) -> None:
    assert shell.run(f"cell_v2 delete_cell --cell_uuid {shell.another_cell()}") == 0
    assert set(cells(shell)) == {"cell0", "cell1"}
    assert shell.run("cell_v2 delete_cell --cell_uuid unknown") == 1


def test_delete_cell_keeps_one_with_hosts_unless_forced(shell: Shell) -> None:
    uuid = shell.cell()
    shell.register("cmp1")
    shell.run("cell_v2 discover_hosts")
    assert shell.run(f"cell_v2 delete_cell --cell_uuid {uuid}") == 2
    assert shell.run(f"cell_v2 delete_cell --cell_uuid {uuid} --force") == 0
    with shell.store.api.read() as tx:
        assert host_mapping_get(tx, "cmp1") is None


def test_delete_cell_never_removes_one_with_servers(shell: Shell) -> None:
    uuid = shell.cell()
    server = shell.server()
    assert shell.run(f"cell_v2 delete_cell --cell_uuid {uuid} --force") == 3
    with shell.store.database(uuid).write() as tx:
        instance_delete(tx, server, shell.clock.now())
    assert shell.run(f"cell_v2 delete_cell --cell_uuid {uuid} --force") == 4
    assert "archive_deleted_rows" in shell.text
    shell.run("db archive_deleted_rows --all-cells")
    assert shell.run(f"cell_v2 delete_cell --cell_uuid {uuid}") == 0


def test_simple_cell_setup_does_all_at_once(fresh: Shell) -> None:
    fresh.run("api_db sync")
    fresh.run("cell_v2 map_cell0")
    fresh.run("db sync")
    assert fresh.run("cell_v2 simple_cell_setup") == 1
    assert "No hosts found" in fresh.text
    with fresh.store.api.read() as tx:
        (uuid,) = (cell.uuid for cell in cell_mapping_list(tx) if cell.uuid != CELL0)
    fresh.register("cmp1", uuid)
    for _ in range(2):
        assert fresh.run("cell_v2 simple_cell_setup") == 0
    with fresh.store.api.read() as tx:
        assert host_mapping_get(tx, "cmp1").cell == uuid
        assert len(cell_mapping_list(tx)) == 2


@pytest.mark.parametrize("command", ["simple_cell_setup", "map_cell_and_hosts"])
def test_setting_up_a_cell_needs_a_transport_url(fresh: Shell, command: str) -> None:
    fresh.run("api_db sync")
    fresh.sections["DEFAULT"] = {"transport_url": ""}
    assert fresh.run(f"cell_v2 {command}") == 1
    assert "transport_url" in fresh.text


def test_map_cell_and_hosts_maps_both_and_may_be_repeated(fresh: Shell) -> None:
    fresh.run("api_db sync")
    fresh.run("db sync --local_cell")
    assert fresh.run("cell_v2 map_cell_and_hosts --name first --verbose") == 0
    uuid = fresh.cell("first")
    assert fresh.text.splitlines()[-1] == uuid
    fresh.register("cmp1", uuid)
    assert fresh.run("cell_v2 map_cell_and_hosts") == 0
    assert fresh.text == ""
    assert fresh.run("cell_v2 map_cell_and_hosts") == 0
    assert "already mapped" in fresh.text
