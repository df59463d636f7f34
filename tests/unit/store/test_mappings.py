"""Cells, hosts and servers in the API database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compute_service.domain.errors import Conflict, NotFound, Stale
from compute_service.domain.host import CELL0, Cell
from compute_service.store.database import Database
from compute_service.store.mappings import (
    HostMapping,
    cell_mapping_delete,
    cell_mapping_get,
    cell_mapping_insert,
    cell_mapping_list,
    cell_mapping_update,
    host_mapping_delete,
    host_mapping_get,
    host_mapping_insert,
    host_mapping_list,
    hosts_changed,
    hosts_generation,
    instance_mapping_count,
    instance_mapping_get,
    instance_mapping_insert,
    instance_mapping_mark_deleted,
    instance_mapping_page,
    instance_mapping_resize,
    instance_mapping_set_cell,
    instance_mappings_delete,
    instance_mappings_get,
    instance_mappings_insert,
)
from tests.fixtures.records import a_mapping, an_instance, new_uuid
from tests.fixtures.stores import EAST, EPOCH, WEST, assert_queries


def test_a_cell_can_be_mapped_changed_and_forgotten(api: Database) -> None:
    cell = Cell(uuid=new_uuid(), name="north", transport_url="rabbit://", database_connection="sqlite://")
    with api.write() as tx:
        stored = cell_mapping_insert(tx, cell)
        assert cell_mapping_get(tx, cell.uuid) == stored
        changed = cell_mapping_update(tx, cell.uuid, disabled=True, name="south")
        assert (changed.name, changed.disabled) == ("south", True)
        assert [c.uuid for c in cell_mapping_list(tx)] == [CELL0, EAST, WEST, cell.uuid]
        assert cell_mapping_delete(tx, cell.uuid)
        assert not cell_mapping_delete(tx, cell.uuid)
        assert cell_mapping_get(tx, cell.uuid) is None


def test_a_cell_is_mapped_once(api: Database) -> None:
    with api.write() as tx, pytest.raises(Conflict, match=EAST):
        cell_mapping_insert(tx, Cell(uuid=EAST, transport_url="", database_connection=""))


def test_changes_about_hosts_are_counted(api: Database) -> None:
    with api.write() as tx:
        before = hosts_generation(tx)
        hosts_changed(tx)
        hosts_changed(tx)
        assert hosts_generation(tx) == before + 2


def test_an_unknown_cell_cannot_be_changed(api: Database) -> None:
    with api.write() as tx, pytest.raises(NotFound):
        cell_mapping_update(tx, "unknown", name="x")


def test_a_host_is_in_one_cell(api: Database) -> None:
    with api.write() as tx:
        assert host_mapping_insert(tx, "host1", EAST)
        assert not host_mapping_insert(tx, "host1", EAST)
        with pytest.raises(Conflict):
            host_mapping_insert(tx, "host1", WEST)
        with pytest.raises(NotFound):
            host_mapping_insert(tx, "host2", "unknown")
        assert host_mapping_get(tx, "host1") == HostMapping(host="host1", cell=EAST, cell_name="east")


def test_hosts_are_listed_by_name_and_by_cell(api: Database) -> None:
    with api.write() as tx:
        for host, cell in (("b", EAST), ("a", EAST), ("c", WEST)):
            host_mapping_insert(tx, host, cell)
        assert [h.host for h in host_mapping_list(tx)] == ["a", "b", "c"]
        assert [h.host for h in host_mapping_list(tx, WEST)] == ["c"]
        assert host_mapping_delete(tx, "c")
        assert not host_mapping_delete(tx, "c")
        assert host_mapping_get(tx, "c") is None


def test_a_server_gets_its_cell_once(api: Database) -> None:
    mapping = a_mapping(an_instance())
    with api.write() as tx:
        instance_mapping_insert(tx, mapping)
        assert instance_mapping_get(tx, mapping.uuid) == mapping
        assert instance_mapping_set_cell(tx, [mapping.uuid, "unknown"], EAST) == 1
        assert instance_mapping_set_cell(tx, [mapping.uuid], WEST) == 0
        assert instance_mapping_get(tx, mapping.uuid) == mapping.replace(cell=EAST)


def test_a_mapping_that_is_there_stays_as_it_is(api: Database) -> None:
    mapping = a_mapping(an_instance())
    with api.write() as tx:
        instance_mapping_insert(tx, mapping)
        instance_mappings_insert(tx, [mapping.replace(vcpus=99), a_mapping(an_instance(), WEST)])
        assert instance_mapping_get(tx, mapping.uuid) == mapping


def test_many_servers_are_mapped_by_one_statement(api: Database) -> None:
    new = [a_mapping(an_instance()) for _ in range(20)]
    with assert_queries(api, at_most=1), api.write() as tx:
        instance_mappings_insert(tx, new)
    with api.read() as tx:
        assert instance_mappings_get(tx, [m.uuid for m in new] + ["unknown"]) == {m.uuid: m for m in new}
        assert instance_mappings_get(tx, []) == {}


def test_a_resized_server_counts_with_its_new_size(api: Database) -> None:
    mapping = a_mapping(an_instance())
    with api.write() as tx:
        instance_mapping_insert(tx, mapping)
        instance_mapping_resize(tx, mapping.uuid, 4, 4096)
        instance_mapping_resize(tx, mapping.uuid, 4, 4096)
        found = instance_mapping_get(tx, mapping.uuid)
        assert found == mapping.replace(vcpus=4, memory_mb=4096)
        instance_mapping_mark_deleted(tx, mapping.uuid)
        with pytest.raises(Stale):
            instance_mapping_resize(tx, mapping.uuid, 1, 1)


def test_a_server_is_marked_deleted_once(api: Database) -> None:
    mapping = a_mapping(an_instance())
    with api.write() as tx:
        instance_mapping_insert(tx, mapping)
        assert instance_mapping_mark_deleted(tx, mapping.uuid)
        assert not instance_mapping_mark_deleted(tx, mapping.uuid)
        assert instance_mapping_mark_deleted(tx, mapping.uuid, deleted=False)
        assert not instance_mapping_mark_deleted(tx, "unknown")


def test_the_servers_of_some_cells_are_listed_newest_first(api: Database) -> None:
    new = [
        a_mapping(an_instance(created_at=EPOCH + timedelta(seconds=n), project_id=project), cell)
        for n, (project, cell) in enumerate((("p", EAST), ("p", EAST), ("q", EAST), ("p", WEST), ("p", None)))
    ]
    with api.write() as tx:
        instance_mappings_insert(tx, new)
        instance_mapping_mark_deleted(tx, new[0].uuid)
        assert instance_mapping_page(tx, [EAST]) == [new[2], new[1]]
        assert instance_mapping_page(tx, [EAST, WEST], "p", deleted=None, limit=2) == [new[3], new[1]]
        assert len(instance_mapping_page(tx, deleted=None)) == 5
        assert instance_mapping_count(tx, EAST) == 3
        assert instance_mapping_count(tx, EAST, deleted=False) == 2
        assert instance_mappings_delete(tx, [new[0].uuid, "unknown"]) == 1
        assert instance_mappings_delete(tx, []) == 0
