"""Servers of one database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compute_service.domain.errors import Invalid, Stale
from compute_service.domain.instance import instance_name
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.store.database import Database
from compute_service.store.instances import (
    InstanceQuery,
    hosted_servers,
    instance_count_by_host,
    instance_delete,
    instance_get,
    instance_insert,
    instance_page,
    instance_remove,
    instance_update,
    instances_get,
    instances_insert,
    instances_on_host,
    instances_remove,
)
from tests.fixtures.records import SMALL, a_full_instance, an_instance
from tests.fixtures.stores import EPOCH, Times, assert_queries


def test_a_server_comes_back_as_it_was_put_in(cell: Database) -> None:
    new = a_full_instance()
    with cell.write() as tx:
        stored = instance_insert(tx, new)
    with cell.read() as tx:
        found = instance_get(tx, new.uuid)
    assert found == stored
    assert found == new.replace(id=stored.id, updated_at=EPOCH)
    assert stored.id > 0


def test_a_server_with_nothing_optional_comes_back_as_it_was_put_in(cell: Database) -> None:
    new = an_instance()
    with cell.write() as tx:
        stored = instance_insert(tx, new)
        assert instance_get(tx, new.uuid) == new.replace(id=stored.id, updated_at=EPOCH)


def test_a_server_put_in_twice_stays_as_it_first_was(cell: Database) -> None:
    new = an_instance(tags=("a",))
    with cell.write() as tx:
        first = instance_insert(tx, new)
        changed = instance_update(tx, first, host="host1")
        assert instance_insert(tx, new.replace(display_name="other", tags=("b",))) == changed


def test_many_servers_are_put_in_with_as_few_statements_as_two(cell: Database) -> None:
    new = [an_instance(tags=("x", f"n{number}")) for number in range(50)]
    with assert_queries(cell, at_most=4), cell.write() as tx:
        stored = instances_insert(tx, new)
    assert [i.uuid for i in stored] == [i.uuid for i in new]
    assert stored[3].tags == ("n3", "x")
    assert len({i.id for i in stored}) == 50


def test_putting_in_many_servers_again_changes_nothing(cell: Database) -> None:
    new = [an_instance() for _ in range(3)]
    with cell.write() as tx:
        first = instances_insert(tx, new[:2])
        again = instances_insert(tx, new)
    assert again[:2] == first
    assert again[2].uuid == new[2].uuid


def test_a_server_is_put_in_and_read_with_one_statement_each(cell: Database) -> None:
    new = an_instance()
    with assert_queries(cell, at_most=2), cell.write() as tx:
        instance_insert(tx, new)
        instance_get(tx, new.uuid)


def test_an_update_changes_the_named_fields_and_raises_the_generation(cell: Database, times: Times) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, a_full_instance())
        later = times.pass_by(seconds=5)
        changed = instance_update(
            tx,
            seen,
            vm_state=VmState.STOPPED,
            task_state=None,
            power_state=PowerState.SHUTDOWN,
            metadata={},
            vifs=(),
            fault=None,
            tags=("red",),
            locked_by=None,
        )
        assert instance_get(tx, seen.uuid) == changed
    assert changed.generation == seen.generation + 1
    assert changed.updated_at == later
    assert (changed.vm_state, changed.task_state, changed.tags) == (VmState.STOPPED, None, ("red",))
    assert changed.host == seen.host


def test_an_update_of_what_another_changed_loses(cell: Database) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, an_instance())
        instance_update(tx, seen, progress=10)
        with pytest.raises(Stale):
            instance_update(tx, seen, progress=20)
        found = instance_get(tx, seen.uuid)
    assert found is not None
    assert found.progress == 10


def test_a_lost_update_does_not_touch_the_tags(cell: Database) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, an_instance(tags=("kept",)))
        instance_update(tx, seen, progress=10)
        with pytest.raises(Stale):
            instance_update(tx, seen, tags=("lost",))
        found = instance_get(tx, seen.uuid)
    assert found is not None
    assert found.tags == ("kept",)


def test_an_update_of_an_unknown_field_is_refused(cell: Database) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, an_instance())
        with pytest.raises(Invalid, match="no field colour"):
            instance_update(tx, seen, colour="red")


def test_an_update_is_one_statement(cell: Database) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, an_instance())
    with assert_queries(cell, at_most=1), cell.write() as tx:
        instance_update(tx, seen, task_state=TaskState.DELETING)


def test_a_deleted_server_is_found_only_by_those_who_ask_for_it(cell: Database) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, an_instance(task_state=TaskState.DELETING))
        gone = instance_delete(tx, seen, EPOCH + timedelta(hours=1))
        assert instance_get(tx, seen.uuid) is None
        assert instance_get(tx, seen.uuid, deleted=True) == gone
    assert gone.deleted
    assert gone.deleted_at == gone.terminated_at == EPOCH + timedelta(hours=1)
    assert (gone.vm_state, gone.task_state) == (VmState.DELETED, None)


def test_a_deleted_server_cannot_be_changed_or_deleted_again(cell: Database) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, an_instance())
        gone = instance_delete(tx, seen, EPOCH)
        with pytest.raises(Stale):
            instance_update(tx, gone, progress=1)
        with pytest.raises(Stale):
            instance_delete(tx, gone, EPOCH)


def test_a_removed_server_leaves_no_tags(cell: Database) -> None:
    new = an_instance(tags=("a", "b"))
    with cell.write() as tx:
        instance_insert(tx, new)
        assert instance_remove(tx, new.uuid)
        assert not instance_remove(tx, new.uuid)
        assert instance_insert(tx, new.replace(tags=())).tags == ()
        assert instance_get(tx, new.uuid, deleted=True) is not None
        assert instances_remove(tx, [new.uuid, "unknown"]) == 1


def test_a_host_lists_its_living_servers_and_those_deleted_since(cell: Database) -> None:
    with cell.write() as tx:
        living, old, recent, _ = (
            instance_insert(tx, an_instance(host=host)) for host in ("host1", "host1", "host1", "host2")
        )
        instance_delete(tx, old, EPOCH - timedelta(days=2))
        instance_delete(tx, recent, EPOCH)
        assert [i.uuid for i in instances_on_host(tx, "host1")] == [living.uuid]
        since = instances_on_host(tx, "host1", deleted_since=EPOCH - timedelta(days=1))
        assert {i.uuid for i in since} == {living.uuid, recent.uuid}
        assert instance_count_by_host(tx) == {"host1": 1, "host2": 1}


def test_the_servers_of_many_hosts_are_read_by_one_statement(cell: Database) -> None:
    with cell.write() as tx:
        first, second, elsewhere, gone = (
            instance_insert(tx, an_instance(host=host, node="node"))
            for host in ("host1", "host1", "host2", "host1")
        )
        instance_delete(tx, gone, EPOCH)
        instance_insert(tx, an_instance(host="host3"))
    with assert_queries(cell, at_most=1), cell.read() as tx:
        found = hosted_servers(tx, ("host1", "host2", "host4"))
    assert {host: [one.uuid for one in there] for host, there in found.items()} == {
        "host1": [first.uuid, second.uuid],
        "host2": [elsewhere.uuid],
        "host4": [],
    }
    assert instance_name(found["host1"][0]) == instance_name(first)
    assert instance_name(found["host1"][0], "%(uuid)s") == first.uuid
    with assert_queries(cell, at_most=0), cell.read() as tx:
        assert hosted_servers(tx, ()) == {}


def test_several_servers_are_read_by_one_statement(cell: Database) -> None:
    with cell.write() as tx:
        stored = instances_insert(tx, [an_instance() for _ in range(3)])
    with assert_queries(cell, at_most=1), cell.read() as tx:
        found = instances_get(tx, [i.uuid for i in stored] + ["unknown"])
    assert found == {i.uuid: i for i in stored}


def test_the_name_of_a_guest_comes_from_the_rows_number(cell: Database) -> None:
    with cell.write() as tx:
        stored = instance_insert(tx, an_instance())
    assert instance_name(stored) == f"instance-{stored.id:08x}"


def test_the_number_of_a_removed_server_is_not_used_again(cell: Database) -> None:
    with cell.write() as tx:
        first = instance_insert(tx, an_instance())
        instance_remove(tx, first.uuid)
        assert instance_insert(tx, an_instance()).id > first.id


def test_text_is_kept_whole_and_case_is_told_apart(cell: Database) -> None:
    with cell.write() as tx:
        instance_insert(tx, an_instance(project_id="Straße", user_data="x" * 65535))
        assert instance_page(tx, InstanceQuery(project_id="strasse")) == []
        found = instance_page(tx, InstanceQuery(project_id="Straße"))
    assert found[0].user_data == "x" * 65535


def test_a_flavor_that_changes_with_a_resize_is_found_by_its_new_id(cell: Database) -> None:
    with cell.write() as tx:
        seen = instance_insert(tx, an_instance())
        instance_update(tx, seen, flavor=SMALL.replace(flavorid="2"))
        assert instance_page(tx, InstanceQuery(filters={"flavor": "1"})) == []
        assert len(instance_page(tx, InstanceQuery(filters={"flavor": "2"}))) == 1
