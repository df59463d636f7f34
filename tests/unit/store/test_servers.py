"""Servers across databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from compute_service.domain.errors import Invalid
from compute_service.domain.host import CELL0
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.store.engine import Store
from compute_service.store.instances import InstanceQuery, instance_delete, instance_insert, instances_insert
from compute_service.store.mappings import instance_mapping_insert, instance_mappings_insert
from compute_service.store.servers import server_locate, server_mapping, server_names, server_page
from tests.fixtures.records import a_mapping, an_instance
from tests.fixtures.stores import EAST, EPOCH, WEST, assert_queries


def _put(store: Store, database: str, instance: Instance) -> Instance:
    with store.api.write() as tx:
        instance_mapping_insert(tx, a_mapping(instance, None if database == "api" else database))
    with store.database(database).write() as tx:
        return instance_insert(tx, instance)


def _databases(store: Store) -> list[Any]:
    return [store.database(name) for name in store.names()]


@pytest.mark.parametrize("database", ["api", CELL0, EAST, WEST])
def test_a_server_is_found_wherever_it_is(store: Store, database: str) -> None:
    put = _put(store, database, an_instance())
    with assert_queries(*_databases(store), at_most=2):
        found = server_locate(store, put.uuid)
    assert found is not None
    assert (found.database, found.instance) == (database, put)


def test_an_unknown_server_is_not_found(store: Store) -> None:
    assert server_locate(store, "unknown") is None
    assert server_mapping(store, "unknown") is None


def test_a_servers_mapping_is_known_without_its_cell(store: Store) -> None:
    put = _put(store, WEST, an_instance())
    assert server_mapping(store, put.uuid) == a_mapping(put, WEST)


def test_a_deleted_server_is_found_only_by_those_who_ask_for_it(store: Store) -> None:
    put = _put(store, EAST, an_instance())
    with store.database(EAST).write() as tx:
        instance_delete(tx, put, EPOCH)
    assert server_locate(store, put.uuid) is None
    found = server_locate(store, put.uuid, deleted=True)
    assert found is not None
    assert found.instance.deleted


def test_a_list_merges_all_databases_in_one_order(store: Store) -> None:
    places = ("api", CELL0, EAST, WEST, EAST, WEST, "api", EAST)
    put = [
        _put(store, place, an_instance(created_at=EPOCH + timedelta(seconds=n)))
        for n, place in enumerate(places)
    ]
    page = server_page(store, InstanceQuery())
    assert [s.instance.uuid for s in page.servers] == [i.uuid for i in reversed(put)]
    assert [s.database for s in page.servers] == list(reversed(places))
    assert (page.down, page.down_cells) == ((), ())


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", ["created_at", "host", "launched_at", "display_name", "vm_state"])
def test_pages_of_all_databases_join_up_to_the_whole_list(store: Store, key: str, direction: str) -> None:
    for n in range(17):
        fields = {
            "created_at": EPOCH + timedelta(seconds=n // 3),
            "host": (None, "H", "h")[n % 3],
            "launched_at": (None, EPOCH)[n % 2],
            "display_name": ("é", "E", "e", "_")[n % 4],
            "vm_state": (VmState.ACTIVE, VmState.ERROR)[n % 2],
        }
        _put(store, ("api", CELL0, EAST, WEST)[n % 4], an_instance(**fields))
    query = InstanceQuery(sort_keys=(key,), sort_dirs=(direction,))
    whole = [s.instance.uuid for s in server_page(store, query).servers]
    paged: list[str] = []
    marker: str | None = None
    while page := server_page(store, query.replace(limit=5, marker=marker)).servers:
        assert len(page) <= 5
        paged.extend(s.instance.uuid for s in page)
        marker = paged[-1]
    assert len(set(whole)) == 17
    assert paged == whole
    names = server_names(store, query)
    assert [s.uuid for s in names.servers] == whole
    assert [s.name for s in names.servers] == [
        s.instance.display_name for s in server_page(store, query).servers
    ]
    behind = server_names(store, query.replace(limit=5, marker=whole[4]))
    assert [s.uuid for s in behind.servers] == whole[5:10]


@pytest.mark.parametrize("count", [1, 200])
def test_a_page_takes_a_statement_a_database_and_two_for_its_marker(store: Store, count: int) -> None:
    new = [an_instance(tags=("t",)) for _ in range(count)]
    with store.api.write() as tx:
        instance_mappings_insert(tx, [a_mapping(i, EAST) for i in new])
    with store.database(EAST).write() as tx:
        instances_insert(tx, new)
    store.cells()
    with assert_queries(*_databases(store), at_most=6):
        page = server_page(store, InstanceQuery(marker=new[0].uuid, with_tags=True))
    assert len(page.servers) < count
    with assert_queries(*_databases(store), at_most=4):
        assert len(server_page(store, InstanceQuery(with_tags=True)).servers) == count


def test_a_server_on_its_way_into_a_cell_is_shown_once_as_the_cells(store: Store) -> None:
    unplaced = _put(store, "api", an_instance())
    with store.database(EAST).write() as tx:
        instance_insert(tx, unplaced.replace(host="host1"))
    page = server_page(store, InstanceQuery())
    assert [(s.database, s.instance.host) for s in page.servers] == [(EAST, "host1")]
    assert [s.uuid for s in server_names(store, InstanceQuery()).servers] == [unplaced.uuid]


def test_an_unknown_marker_is_refused(store: Store) -> None:
    with pytest.raises(Invalid, match=r"marker \[nowhere\] not found"):
        server_page(store, InstanceQuery(marker="nowhere"))


def test_a_bad_filter_is_refused_rather_than_taken_for_a_cell_that_is_down(store: Store) -> None:
    with pytest.raises(Invalid):
        server_page(store, InstanceQuery(filters={"colour": "red"}))


def test_a_page_is_cut_after_merging(store: Store) -> None:
    for n in range(6):
        _put(store, (EAST, WEST)[n % 2], an_instance(created_at=EPOCH + timedelta(seconds=n)))
    page = server_page(store, InstanceQuery(limit=3))
    assert [s.instance.created_at.second for s in page.servers] == [5, 4, 3]
