from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.store.groups import group_add_members
from tests.fixtures.records import new_uuid
from tests.unit.api.hosts import HostWorld, make_host_world
from tests.unit.api.wsgi import OTHER, OWN, Caller


def make(caller: Caller, name: str = "g", policy: str = "anti-affinity", **rules: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"name": name, "policy": policy}
    reply = caller.post("/os-server-groups", {"server_group": {**body, "rules": rules} if rules else body})
    assert reply.status == 200, reply
    return dict(reply.body["server_group"])


def test_a_group_comes_back_as_it_was_made(member: Caller) -> None:
    made = make(member, max_server_per_host="3")
    assert made == {
        "id": made["id"],
        "name": "g",
        "policy": "anti-affinity",
        "rules": {"max_server_per_host": 3},
        "members": [],
        "project_id": OWN,
        "user_id": "alice",
    }
    assert member.get(f"/os-server-groups/{made['id']}").body == {"server_group": made}
    assert member.get("/os-server-groups").body == {"server_groups": [made]}


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        ("2.12", {"id", "name", "members", "policies", "metadata"}),
        ("2.13", {"id", "name", "members", "policies", "metadata", "project_id", "user_id"}),
        ("2.63", {"id", "name", "members", "policies", "metadata", "project_id", "user_id"}),
        ("2.64", {"id", "name", "members", "policy", "rules", "project_id", "user_id"}),
    ],
)
def test_fields_come_and_go_with_the_version(member: Caller, version: str, fields: set[str]) -> None:
    made = make(member)
    shown = member.get(f"/os-server-groups/{made['id']}", version).body["server_group"]
    assert shown.keys() == fields
    if "policies" in fields:
        assert (shown["policies"], shown["metadata"]) == (["anti-affinity"], {})


@pytest.mark.parametrize(
    ("version", "new", "status"),
    [
        ("2.1", {"policies": ["affinity"]}, 200),
        ("2.14", {"policies": ["soft-affinity"]}, 400),
        ("2.15", {"policies": ["soft-affinity"]}, 200),
        ("2.15", {"policies": ["soft-anti-affinity"]}, 200),
        ("2.63", {"policies": ["affinity", "anti-affinity"]}, 400),
        ("2.63", {"policies": []}, 400),
        ("2.63", {}, 400),
        ("2.63", {"policy": "affinity"}, 400),
        ("2.64", {"policies": ["affinity"]}, 400),
        ("2.64", {}, 400),
        ("2.64", {"policy": "affinity"}, 200),
        ("2.64", {"policy": "nearby"}, 400),
        ("2.64", {"policy": "affinity", "rules": {}}, 200),
        ("2.64", {"policy": "affinity", "rules": {"max_server_per_host": 2}}, 400),
        ("2.64", {"policy": "anti-affinity", "rules": {"max_server_per_host": 2}}, 200),
        ("2.64", {"policy": "anti-affinity", "rules": {"max_server_per_host": 0}}, 400),
        ("2.64", {"policy": "anti-affinity", "rules": {"most": 2}}, 400),
    ],
)
def test_policies_by_version(member: Caller, version: str, new: dict[str, Any], status: int) -> None:
    reply = member.post("/os-server-groups", {"server_group": {"name": "g", **new}}, version)
    assert reply.status == status, reply


@pytest.mark.parametrize("name", ["", " g", "x" * 256, 7])
def test_bad_names_are_refused(member: Caller, name: Any) -> None:
    body = {"server_group": {"name": name, "policy": "affinity"}}
    assert member.post("/os-server-groups", body).status == 400


def test_living_members_are_shown(world: HostWorld, member: Caller) -> None:
    made = make(member)
    server = world.server()
    with world.store.api.write() as tx:
        group_add_members(tx, made["id"], [server.uuid])
    shown = member.get(f"/os-server-groups/{made['id']}").body["server_group"]
    assert shown["members"] == [server.uuid]


def test_quota_limits_groups() -> None:
    settings = Settings()
    world = make_host_world(
        dataclasses.replace(settings, quota=dataclasses.replace(settings.quota, server_groups=1))
    )
    member = world.caller()
    make(member)
    reply = member.post("/os-server-groups", {"server_group": {"name": "h", "policy": "affinity"}})
    assert (reply.status, "too many server groups" in reply.message) == (403, True)
    world.store.close()


def test_lists_are_cut_by_limit_and_offset(member: Caller) -> None:
    for name in ("a", "b", "c"):
        make(member, name)

    def names(query: str) -> list[str]:
        return [one["name"] for one in member.get(f"/os-server-groups?{query}").body["server_groups"]]

    assert names("limit=2") == ["a", "b"]
    assert names("offset=1") == ["b", "c"]
    assert names("limit=1&offset=2") == ["c"]
    assert names("offset=11111111111111111111") == []
    assert member.get("/os-server-groups?limit=-1").status == 400


def test_other_projects_groups_are_for_admins(world: HostWorld, admin: Caller, member: Caller) -> None:
    mine, theirs = make(member, "mine"), make(world.caller("bob", OTHER), "theirs")
    assert member.get(f"/os-server-groups/{theirs['id']}").status == 404
    assert member.delete(f"/os-server-groups/{theirs['id']}").status == 404
    assert admin.get(f"/os-server-groups/{theirs['id']}").status == 200

    def found(caller: Caller) -> list[str]:
        groups = caller.get("/os-server-groups?all_projects=True").body["server_groups"]
        return [one["id"] for one in groups]

    assert found(member) == [mine["id"]]
    assert found(admin) == [mine["id"], theirs["id"]]


def test_a_group_can_be_deleted(member: Caller) -> None:
    made = make(member)
    assert member.delete(f"/os-server-groups/{made['id']}").status == 204
    assert member.delete(f"/os-server-groups/{made['id']}").status == 404
    assert member.get(f"/os-server-groups/{new_uuid()}").status == 404


def test_readers_may_look_and_members_may_change(world: HostWorld, member: Caller) -> None:
    made = make(member)
    reader = world.caller("rita", role="reader")
    assert reader.get("/os-server-groups").status == 200
    assert reader.get(f"/os-server-groups/{made['id']}").status == 200
    assert (
        reader.post("/os-server-groups", {"server_group": {"name": "x", "policy": "affinity"}}).status == 403
    )
    assert reader.delete(f"/os-server-groups/{made['id']}").status == 403


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400)])
def test_unknown_parameters_are_refused_from_2_75_on(member: Caller, version: str, status: int) -> None:
    assert member.get("/os-server-groups?x=1", version).status == status
