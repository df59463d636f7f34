from __future__ import annotations

import json

import pytest

from compute_service.store.instances import instance_delete, instance_remove, instances_insert
from compute_service.store.mappings import (
    host_mapping_insert,
    instance_mapping_count,
    instance_mapping_get,
)
from tests.fixtures.records import a_mapping, an_instance, new_uuid
from tests.unit.manage.shell import Shell


def test_discover_hosts_tells_what_it_does_when_verbose(shell: Shell) -> None:
    uuid, node = shell.cell(), shell.register("cmp1")
    assert shell.run("cell_v2 discover_hosts --verbose") == 0
    assert shell.text.splitlines() == [
        "Found 2 cell mappings.",
        "Skipping cell0 since it does not contain hosts.",
        f"Getting computes from cell 'cell1': {uuid}",
        f"Found 1 unmapped computes in cell: {uuid}",
        f"Checking host mapping for compute host 'cmp1': {node.uuid}",
        f"Creating host mapping for compute host 'cmp1': {node.uuid}",
    ]
    assert shell.run("cell_v2 discover_hosts --verbose") == 0
    assert "Found 0 unmapped" in shell.text
    assert shell.run("cell_v2 discover_hosts") == 0
    assert shell.text == ""


def test_strict_discovery_wants_something_new(shell: Shell) -> None:
    assert shell.run("cell_v2 discover_hosts --strict") == 1
    assert "No unmapped hosts" in shell.text
    shell.register("cmp1")
    assert shell.run("cell_v2 discover_hosts --strict") == 0
    assert shell.run("cell_v2 discover_hosts --strict") == 1


@pytest.mark.parametrize("by", ["", "--by-service"])
def test_discovery_in_one_cell_leaves_the_others_alone(shell: Shell, by: str) -> None:
    other = shell.another_cell()
    shell.register("cmp1")
    shell.register("cmp2", other)
    assert shell.run(f"cell_v2 discover_hosts --cell_uuid {other} {by}") == 0
    shell.run("cell_v2 list_hosts --json")
    assert [(h["cell_name"], h["hostname"]) for h in json.loads(shell.text)] == [("cell2", "cmp2")]


def test_discovery_of_an_unknown_cell_fails(shell: Shell) -> None:
    assert shell.run("cell_v2 discover_hosts --cell_uuid unknown") == 1
    assert "was not found" in shell.text


def test_a_host_mapped_to_another_cell_is_a_conflict(shell: Shell) -> None:
    other = shell.another_cell()
    with shell.store.api.write() as tx:
        host_mapping_insert(tx, "cmp1", other)
    shell.register("cmp1")
    assert shell.run("cell_v2 discover_hosts") == 2
    assert other in shell.text


def test_list_hosts_prints_them_by_cell_and_name(shell: Shell) -> None:
    uuid = shell.cell()
    for host in ("cmp2", "cmp1"):
        shell.register(host)
    shell.run("cell_v2 discover_hosts")
    assert shell.run("cell_v2 list_hosts") == 0
    assert shell.text == (
        "+-----------+--------------------------------------+----------+\n"
        "| Cell Name |              Cell UUID               | Hostname |\n"
        "+-----------+--------------------------------------+----------+\n"
        f"|   cell1   | {uuid} |   cmp1   |\n"
        f"|   cell1   | {uuid} |   cmp2   |\n"
        "+-----------+--------------------------------------+----------+\n"
    )
    assert shell.run("cell_v2 list_hosts --cell_uuid unknown") == 1


def test_delete_host_has_a_code_for_each_mistake_and_lets_it_be_found_again(shell: Shell) -> None:
    uuid, other = shell.cell(), shell.another_cell()
    shell.register("cmp1")
    shell.run("cell_v2 discover_hosts")
    assert shell.run("cell_v2 delete_host --cell_uuid unknown --host cmp1") == 1
    assert shell.run(f"cell_v2 delete_host --cell_uuid {uuid} --host unknown") == 2
    assert shell.run(f"cell_v2 delete_host --cell_uuid {other} --host cmp1") == 3
    assert shell.run(f"cell_v2 delete_host --cell_uuid {uuid} --host cmp1") == 0
    assert shell.run("cell_v2 discover_hosts --strict") == 0
    shell.server(host="cmp1")
    assert shell.run(f"cell_v2 delete_host --cell_uuid {uuid} --host cmp1") == 4


def test_map_instances_maps_all_or_so_many(shell: Shell) -> None:
    uuid = shell.cell()
    servers = [shell.server(mapped=False) for _ in range(5)]
    shell.server()
    assert shell.run(f"cell_v2 map_instances --cell_uuid {uuid} --max-count 2") == 1
    assert shell.run(f"cell_v2 map_instances --cell_uuid {uuid} --max-count 2 --reset") == 1
    assert shell.run(f"cell_v2 map_instances --cell_uuid {uuid} --max-count 1") == 0
    assert shell.run(f"cell_v2 map_instances --cell_uuid {uuid}") == 0
    with shell.store.api.read() as tx:
        assert all(instance_mapping_get(tx, server.uuid).cell == uuid for server in servers)


def test_map_instances_goes_through_many_pages(shell: Shell) -> None:
    uuid = shell.cell()
    for _ in range(3):
        shell.server(mapped=False)
    with shell.store.database(uuid).write() as tx:
        instances_insert(tx, [an_instance() for _ in range(220)])
    assert shell.run(f"cell_v2 map_instances --cell_uuid {uuid} --max-count 210") == 1
    assert shell.run(f"cell_v2 map_instances --cell_uuid {uuid}") == 0
    with shell.store.api.read() as tx:
        assert instance_mapping_count(tx, uuid) == 223


def test_map_instances_refuses_bad_input(shell: Shell) -> None:
    assert shell.run(f"cell_v2 map_instances --cell_uuid {shell.cell()} --max-count 0") == 127
    assert shell.run("cell_v2 map_instances --cell_uuid unknown") == 1


def test_verify_instance_has_a_code_for_each_state(shell: Shell) -> None:
    uuid, server = shell.cell(), shell.server()
    assert shell.run(f"cell_v2 verify_instance --uuid {server.uuid}") == 0
    assert shell.text == f"Instance {server.uuid} is in cell: cell1 ({uuid})\n"
    assert shell.run(f"cell_v2 verify_instance --uuid {new_uuid()}") == 1
    unplaced = an_instance()
    shell.map(a_mapping(unplaced))
    assert shell.run(f"cell_v2 verify_instance --uuid {unplaced.uuid}") == 2
    with shell.store.database(uuid).write() as tx:
        instance_delete(tx, server, shell.clock.now())
    assert shell.run(f"cell_v2 verify_instance --uuid {server.uuid}") == 3
    with shell.store.database(uuid).write() as tx:
        instance_remove(tx, server.uuid)
    assert shell.run(f"cell_v2 verify_instance --quiet --uuid {server.uuid}") == 4
    assert shell.text == ""
