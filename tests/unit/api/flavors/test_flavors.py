from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.api.world import World, make_world
from tests.unit.api.wsgi import OTHER, OWN, Caller

SMALL = {"name": "small", "id": "1", "ram": 512, "vcpus": 1, "disk": 1}


class Projects:
    """Knows one project; of `lost` nobody can say."""

    def project_exists(self, project_id: str) -> bool | None:
        return None if project_id == "lost" else project_id == OTHER


@pytest.fixture
def world() -> Iterator[World]:
    made = make_world(identity=Projects())
    yield made
    made.store.close()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


def make(admin: Caller, **fields: Any) -> dict[str, Any]:
    reply = admin.post("/flavors", {"flavor": {**SMALL, **fields}})
    assert reply.status == 200, reply
    return dict(reply.body["flavor"])


def test_a_flavor_comes_back_as_it_was_made(admin: Caller) -> None:
    made = make(
        admin,
        ram="1024",
        swap=64,
        description="for small things",
        **{"OS-FLV-EXT-DATA:ephemeral": 2, "os-flavor-access:is_public": "False"},
    )
    assert admin.get("/flavors/1").body["flavor"] == made
    assert made == {
        "id": "1",
        "name": "small",
        "ram": 1024,
        "vcpus": 1,
        "disk": 1,
        "swap": 64,
        "OS-FLV-EXT-DATA:ephemeral": 2,
        "os-flavor-access:is_public": False,
        "description": "for small things",
        "extra_specs": {},
        "links": [
            {"rel": "self", "href": "http://127.0.0.1:8774/v2.1/flavors/1"},
            {"rel": "bookmark", "href": "http://127.0.0.1:8774/flavors/1"},
        ],
    }


@pytest.mark.parametrize("flavor_id", [None, "auto"])
def test_an_identifier_is_made_up_when_none_is_given(admin: Caller, flavor_id: str | None) -> None:
    assert len(make(admin, id=flavor_id)["id"]) == 36


def test_a_numeric_identifier_becomes_text(admin: Caller) -> None:
    assert make(admin, id=7)["id"] == "7"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": " x"}, "does not match"),
        ({"id": "a/b"}, "does not match"),
        ({"name": ""}, "too short"),
        ({"name": "x" * 256}, "too long"),
        ({"ram": 0}, "less than the minimum of 1"),
        ({"ram": 2**31}, "greater than the maximum"),
        ({"vcpus": "x"}, "does not match"),
        ({"disk": -1}, "less than the minimum of 0"),
        ({"swap": -1}, "less than the minimum of 0"),
        ({"os-flavor-access:is_public": "maybe"}, "is not one of"),
        ({"description": "a\nb"}, "does not match"),
        ({"extra": 1}, "Additional properties"),
    ],
)
def test_bad_fields_are_refused(admin: Caller, fields: dict[str, Any], words: str) -> None:
    reply = admin.post("/flavors", {"flavor": {**SMALL, **fields}})
    assert reply.status == 400
    assert words in reply.message


@pytest.mark.parametrize("factor", [0, "0", -1, "x", 1e39, [1]])
def test_a_bad_rxtx_factor_is_refused(admin: Caller, factor: Any) -> None:
    assert admin.post("/flavors", {"flavor": {**SMALL, "rxtx_factor": factor}}, "2.101").status == 400


def test_names_and_identifiers_are_taken_once(admin: Caller) -> None:
    make(admin)
    for fields in ({"id": "2"}, {"name": "other"}):
        assert admin.post("/flavors", {"flavor": {**SMALL, **fields}}).status == 409


@pytest.mark.parametrize(
    ("version", "has", "lacks"),
    [
        ("2.54", {"rxtx_factor", "OS-FLV-DISABLED:disabled"}, {"description", "extra_specs"}),
        ("2.55", {"description"}, {"extra_specs"}),
        ("2.60", {"description"}, {"extra_specs"}),
        ("2.61", {"description", "extra_specs"}, set()),
        ("2.101", {"rxtx_factor", "OS-FLV-DISABLED:disabled"}, set()),
        ("2.102", {"extra_specs"}, {"rxtx_factor", "OS-FLV-DISABLED:disabled"}),
    ],
)
def test_fields_come_and_go_with_the_version(
    admin: Caller, member: Caller, version: str, has: set[str], lacks: set[str]
) -> None:
    make(admin)
    for flavor in (
        member.get("/flavors/1", version).body["flavor"],
        member.get("/flavors/detail", version).body["flavors"][0],
    ):
        assert has <= flavor.keys()
        assert not lacks & flavor.keys()
    brief = member.get("/flavors", version).body["flavors"][0]
    assert ("description" in brief) is (version != "2.54")


@pytest.mark.parametrize(("version", "swap"), [("2.74", ""), ("2.75", 0)])
def test_no_swap_is_shown_by_version(admin: Caller, member: Caller, version: str, swap: Any) -> None:
    make(admin)
    assert member.get("/flavors/1", version).body["flavor"]["swap"] == swap


@pytest.mark.parametrize(("version", "status"), [("2.101", 200), ("2.102", 400)])
def test_rxtx_factor_goes_from_creation(admin: Caller, version: str, status: int) -> None:
    body = {"flavor": {**SMALL, "rxtx_factor": "2.5"}}
    assert admin.post("/flavors", body, version).status == status


@pytest.mark.parametrize(("version", "status"), [("2.54", 404), ("2.55", 200)])
def test_a_description_can_be_changed(admin: Caller, version: str, status: int) -> None:
    make(admin)
    reply = admin.put("/flavors/1", {"flavor": {"description": "new"}}, version)
    assert reply.status == status
    if status == 200:
        assert reply.body["flavor"]["description"] == "new"
        assert admin.put("/flavors/2", {"flavor": {"description": None}}).status == 404


def test_a_deleted_flavor_is_gone(admin: Caller) -> None:
    make(admin)
    assert admin.delete("/flavors/1").status == 202
    assert admin.get("/flavors/1").status == 404
    assert admin.delete("/flavors/1").status == 404


def test_a_private_flavor_is_seen_by_those_who_may_use_it(admin: Caller, world: World) -> None:
    make(admin, **{"os-flavor-access:is_public": False})
    other, member = world.caller("bob", OTHER), world.caller()
    assert other.get("/flavors/1").status == 404
    assert admin.get("/flavors/1/os-flavor-access").body == {"flavor_access": []}
    reply = admin.post("/flavors/1/action", {"addTenantAccess": {"tenant": OTHER}})
    assert reply.body == {"flavor_access": [{"flavor_id": "1", "tenant_id": OTHER}]}
    assert admin.post("/flavors/1/action", {"addTenantAccess": {"tenant": OTHER}}).status == 409
    assert other.get("/flavors/1").status == 200
    assert [f["id"] for f in other.get("/flavors").body["flavors"]] == ["1"]
    assert member.get("/flavors/1").status == 404
    assert member.get("/flavors").body["flavors"] == []
    reply = admin.post("/flavors/1/action", {"removeTenantAccess": {"tenant": OTHER}})
    assert reply.body == {"flavor_access": []}
    assert admin.post("/flavors/1/action", {"removeTenantAccess": {"tenant": OTHER}}).status == 404


def test_access_names_a_project_that_exists(admin: Caller) -> None:
    make(admin, **{"os-flavor-access:is_public": False})
    assert admin.post("/flavors/1/action", {"addTenantAccess": {"tenant": OWN}}).status == 400
    assert admin.post("/flavors/1/action", {"addTenantAccess": {"tenant": "lost"}}).status == 200


@pytest.mark.parametrize(("version", "status"), [("2.6", 200), ("2.7", 409)])
def test_a_public_flavor_takes_no_access(admin: Caller, version: str, status: int) -> None:
    make(admin)
    reply = admin.post("/flavors/1/action", {"addTenantAccess": {"tenant": OTHER}}, version)
    assert reply.status == status
    assert admin.get("/flavors/1/os-flavor-access").status == 404


def ids(caller: Caller, query: str, version: str = "2.104") -> list[str]:
    reply = caller.get(f"/flavors{query}", version)
    assert reply.status == 200, reply
    return [flavor["id"] for flavor in reply.body["flavors"]]


def test_lists_are_filtered_and_sorted(admin: Caller, member: Caller) -> None:
    make(admin, id="a", name="a", ram=512, disk=10)
    make(admin, id="b", name="b", ram=2048, disk=1)
    make(admin, id="c", name="c", **{"os-flavor-access:is_public": False})
    assert ids(admin, "") == ["a", "b"]
    assert ids(admin, "?is_public=None") == ["a", "b", "c"]
    assert ids(admin, "?is_public=False") == ["c"]
    assert ids(member, "?is_public=None") == ["a", "b"]
    assert ids(member, "?minRam=1024") == ["b"]
    assert ids(member, "?minDisk=5") == ["a"]
    assert ids(member, "?minDisk=111111111111111111111") == []
    assert ids(member, "?minDisk=-111111111111111111111") == ids(member, "?minDisk=0")
    assert ids(member, "?name=b") == ["b"]
    assert ids(member, "?name=b", "2.74") == ["a", "b"]
    assert ids(member, "?sort_key=memory_mb&sort_dir=desc") == ["b", "a"]


@pytest.mark.parametrize(
    "query", ["?minRam=x", "?minDisk=x", "?sort_key=color", "?sort_dir=up", "?marker=none", "?limit=-1"]
)
def test_bad_parameters_are_refused(admin: Caller, query: str) -> None:
    assert admin.get(f"/flavors{query}").status == 400


def test_a_bad_is_public_is_refused_to_admins(admin: Caller, member: Caller) -> None:
    assert admin.get("/flavors?is_public=maybe").status == 400
    assert member.get("/flavors?is_public=maybe").status == 200


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400), ("2.101", 400)])
def test_unknown_parameters(member: Caller, version: str, status: int) -> None:
    assert member.get("/flavors?color=red", version).status == status


@pytest.mark.parametrize(("version", "status"), [("2.101", 200), ("2.102", 400)])
def test_rxtx_factor_goes_from_sorting(member: Caller, version: str, status: int) -> None:
    assert member.get("/flavors?sort_key=rxtx_factor", version).status == status


def test_a_full_page_links_to_the_next(admin: Caller, member: Caller) -> None:
    for name in "abc":
        make(admin, id=name, name=name)
    page = member.get("/flavors/detail?limit=2&sort_dir=asc").body
    assert [flavor["id"] for flavor in page["flavors"]] == ["a", "b"]
    assert page["flavors_links"] == [
        {"rel": "next", "href": "http://127.0.0.1:8774/v2.1/flavors/detail?limit=2&marker=b&sort_dir=asc"}
    ]
    last = member.get("/flavors/detail?limit=2&marker=b").body
    assert [flavor["id"] for flavor in last["flavors"]] == ["c"]
    assert "flavors_links" not in last


def test_extra_specs_are_set_shown_and_removed(admin: Caller, member: Caller) -> None:
    make(admin)
    specs = "/flavors/1/os-extra_specs"
    reply = admin.post(specs, {"extra_specs": {"hw:cpu_policy": "shared", "own": 5}})
    assert reply.body == {"extra_specs": {"hw:cpu_policy": "shared", "own": "5"}}
    assert admin.put(f"{specs}/own", {"own": "6"}).body == {"own": "6"}
    assert member.get(specs).body == {"extra_specs": {"hw:cpu_policy": "shared", "own": "6"}}
    assert member.get(f"{specs}/own").body == {"own": "6"}
    assert member.get("/flavors/1").body["flavor"]["extra_specs"] == {"hw:cpu_policy": "shared", "own": "6"}
    reply = admin.delete(f"{specs}/own")
    assert (reply.status, reply.raw) == (200, b"")
    assert member.get(f"{specs}/own").status == 404
    assert admin.delete(f"{specs}/own").status == 404


@pytest.mark.parametrize(
    "body", [{"other": "x"}, {}, {"own": "1", "two": "2"}, {"own": [1]}, {"own": "x" * 256}, ["own"]]
)
def test_one_extra_spec_is_named_by_the_path(admin: Caller, body: Any) -> None:
    make(admin)
    assert admin.put("/flavors/1/os-extra_specs/own", body).status == 400


def test_extra_specs_of_no_flavor_are_not_found(admin: Caller) -> None:
    assert admin.get("/flavors/9/os-extra_specs").status == 404
    assert admin.post("/flavors/9/os-extra_specs", {"extra_specs": {"a": "b"}}).status == 404
    assert admin.put("/flavors/9/os-extra_specs/a", {"a": "b"}).status == 404
    assert admin.delete("/flavors/9/os-extra_specs/a").status == 404


@pytest.mark.parametrize(("version", "status"), [("2.85", 200), ("2.86", 400)])
def test_known_extra_specs_are_checked(admin: Caller, version: str, status: int) -> None:
    make(admin)
    body = {"extra_specs": {"hw:cpu_policy": "whatever"}}
    assert admin.post("/flavors/1/os-extra_specs", body, version).status == status
    assert admin.put("/flavors/1/os-extra_specs/hw:no_such", {"hw:no_such": "1"}, version).status == status
