"""Server groups."""

from __future__ import annotations

import pytest

from compute_service.domain.errors import NotFound, OverQuota
from compute_service.domain.group import ServerGroup
from compute_service.store.database import Database, Tx
from compute_service.store.groups import (
    group_add_members,
    group_count,
    group_delete,
    group_get,
    group_insert,
    group_of_instance,
    group_page,
    group_remove_members,
    groups_of_instances,
)
from compute_service.store.mappings import instance_mapping_mark_deleted, instance_mappings_insert
from tests.fixtures.records import a_mapping, an_instance, new_uuid
from tests.fixtures.stores import EPOCH, assert_queries


def _group(**fields: object) -> ServerGroup:
    values = {"uuid": new_uuid(), "project_id": "p", "user_id": "u", "name": "g", "policy": "anti-affinity"}
    return ServerGroup(**{**values, **fields})


def _servers(tx: Tx, count: int) -> list[str]:
    new = [an_instance() for _ in range(count)]
    instance_mappings_insert(tx, [a_mapping(i) for i in new])
    return [i.uuid for i in new]


def test_a_group_comes_back_as_it_was_put_in(api: Database) -> None:
    new = _group(rules={"max_server_per_host": 3})
    with api.write() as tx:
        stored = group_insert(tx, new)
        assert stored == new.replace(id=stored.id, created_at=EPOCH)
        assert group_get(tx, new.uuid) == stored
        assert group_insert(tx, new.replace(name="other")) == stored
        assert group_get(tx, "unknown") is None


def test_only_living_members_are_shown(api: Database) -> None:
    with api.write() as tx:
        servers = _servers(tx, 3)
        put = group_insert(tx, _group())
        assert group_add_members(tx, put.uuid, [*servers, "never-mapped"]).members[:3] == tuple(servers)
        instance_mapping_mark_deleted(tx, servers[1])
        found = group_get(tx, put.uuid)
    assert found is not None
    assert found.members == (servers[0], servers[2])


def test_a_group_takes_no_more_members_than_its_limit(api: Database) -> None:
    with api.write() as tx:
        servers = _servers(tx, 4)
        put = group_insert(tx, _group())
        group_add_members(tx, put.uuid, servers[:2], limit=3)
        with pytest.raises(OverQuota):
            group_add_members(tx, put.uuid, servers[2:], limit=3)
        group_add_members(tx, put.uuid, servers[1:3], limit=3)
        instance_mapping_mark_deleted(tx, servers[0])
        group_add_members(tx, put.uuid, servers[3:], limit=3)
        found = group_get(tx, put.uuid)
    assert found is not None
    assert found.members == tuple(servers[1:])


def test_members_cannot_join_an_unknown_group(api: Database) -> None:
    with api.write() as tx, pytest.raises(NotFound):
        group_add_members(tx, "unknown", ["a"])


def test_servers_find_their_group_and_leave_it(api: Database) -> None:
    with api.write() as tx:
        servers = _servers(tx, 2)
        put = group_insert(tx, _group(members=(servers[0],)))
        assert group_of_instance(tx, servers[0]) == put
        assert group_of_instance(tx, servers[1]) is None
        assert groups_of_instances(tx, servers) == {servers[0]: put.uuid}
        assert group_remove_members(tx, servers) == 1
        assert group_of_instance(tx, servers[0]) is None


def test_groups_are_paged_by_project_and_counted(api: Database) -> None:
    with api.write() as tx:
        put = [group_insert(tx, _group(user_id=user)) for user in ("u", "u", "v")]
        other = group_insert(tx, _group(project_id="q"))
        servers = _servers(tx, 1)
        group_add_members(tx, put[1].uuid, servers)
    with assert_queries(api, at_most=2), api.read() as tx:
        assert [g.uuid for g in group_page(tx, "p", offset=1, limit=1)] == [put[1].uuid]
    with api.read() as tx:
        assert [g.uuid for g in group_page(tx)] == [*(g.uuid for g in put), other.uuid]
        assert group_count(tx, "p") == 3
        assert group_count(tx, "p", "u") == 2
        assert group_page(tx, "p", offset=10) == []


def test_a_group_is_deleted_once(api: Database) -> None:
    with api.write() as tx:
        put = group_insert(tx, _group(members=tuple(_servers(tx, 1))))
        assert group_delete(tx, put.uuid)
        assert not group_delete(tx, put.uuid)
