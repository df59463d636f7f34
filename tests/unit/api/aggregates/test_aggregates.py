from __future__ import annotations

from typing import Any

import pytest

from compute_service.domain.image import Image
from tests.unit.api.hosts import HostWorld
from tests.unit.api.wsgi import Caller

IMAGE = "70a599e0-31e7-49b7-b260-868f441e862b"


def make(admin: Caller, name: str = "rack1", zone: str | None = None) -> int:
    reply = admin.post("/os-aggregates", {"aggregate": {"name": name, "availability_zone": zone}})
    assert reply.status == 200, reply
    return int(reply.body["aggregate"]["id"])


def act(admin: Caller, aggregate: int, name: str, value: Any) -> Any:
    return admin.post(f"/os-aggregates/{aggregate}/action", {name: value})


def add(admin: Caller, aggregate: int, host: str) -> Any:
    return act(admin, aggregate, "add_host", {"host": host})


def test_a_new_aggregate_is_shown_without_hosts_and_metadata(admin: Caller) -> None:
    reply = admin.post("/os-aggregates", {"aggregate": {"name": "rack1", "availability_zone": "az1"}})
    made = reply.body["aggregate"]
    assert made == {
        "id": 1,
        "name": "rack1",
        "availability_zone": "az1",
        "created_at": "2023-11-14T22:13:20.000000",
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
        "uuid": made["uuid"],
    }
    shown = admin.get("/os-aggregates/1").body["aggregate"]
    assert shown == {**made, "hosts": [], "metadata": {"availability_zone": "az1"}}
    assert admin.get("/os-aggregates").body == {"aggregates": [shown]}


@pytest.mark.parametrize(("version", "has"), [("2.40", False), ("2.41", True)])
def test_the_uuid_comes_with_2_41(admin: Caller, version: str, has: bool) -> None:
    make(admin)
    assert ("uuid" in admin.get("/os-aggregates", version).body["aggregates"][0]) is has
    assert ("uuid" in admin.get("/os-aggregates/1", version).body["aggregate"]) is has


@pytest.mark.parametrize(
    "new",
    [
        {},
        {"name": ""},
        {"name": " x"},
        {"name": "x" * 256},
        {"name": "x", "availability_zone": ""},
        {"name": "x", "availability_zone": "a:b"},
        {"name": "x", "extra": 1},
    ],
)
def test_bad_aggregates_are_refused(admin: Caller, new: dict[str, Any]) -> None:
    assert admin.post("/os-aggregates", {"aggregate": new}).status == 400


def test_a_name_is_taken_once(admin: Caller) -> None:
    make(admin)
    assert admin.post("/os-aggregates", {"aggregate": {"name": "rack1"}}).status == 409
    make(admin, "rack2")
    assert admin.put("/os-aggregates/2", {"aggregate": {"name": "rack1"}}).status == 409


def test_name_and_zone_can_be_changed(admin: Caller) -> None:
    make(admin)
    changed = admin.put("/os-aggregates/1", {"aggregate": {"name": " rack9 "}}).body["aggregate"]
    assert (changed["name"], changed["availability_zone"]) == ("rack9", None)
    changed = admin.put("/os-aggregates/1", {"aggregate": {"availability_zone": "az1"}}).body["aggregate"]
    assert (changed["name"], changed["metadata"]) == ("rack9", {"availability_zone": "az1"})
    assert changed["updated_at"] is not None
    changed = admin.put("/os-aggregates/1", {"aggregate": {"availability_zone": None}}).body["aggregate"]
    assert changed["metadata"] == {}
    assert admin.put("/os-aggregates/1", {"aggregate": {}}).status == 400


@pytest.mark.parametrize(("number", "status"), [("7", 404), ("x", 400), ("-1", 404)])
def test_an_unknown_aggregate_is_not_found(admin: Caller, number: str, status: int) -> None:
    path = f"/os-aggregates/{number}"
    change = {"aggregate": {"name": "x"}}
    assert admin.get(path).status == admin.delete(path).status == admin.put(path, change).status == status
    assert admin.post(f"{path}/action", {"add_host": {"host": "h"}}).status == status
    assert admin.post(f"{path}/images", {"cache": [{"id": IMAGE}]}).status == status


def test_metadata_is_set_and_removed(admin: Caller) -> None:
    make(admin)
    set_to = act(admin, 1, "set_metadata", {"metadata": {"ssd": "true", "rack": "1"}}).body["aggregate"]
    assert set_to["metadata"] == {"ssd": "true", "rack": "1"}
    set_to = act(admin, 1, "set_metadata", {"metadata": {"ssd": None}}).body["aggregate"]
    assert set_to["metadata"] == {"rack": "1"}
    for bad in ({"a!": "b"}, {"a": 1}, {"a": "b" * 256}):
        assert act(admin, 1, "set_metadata", {"metadata": bad}).status == 400


def test_hosts_come_and_go_here_and_in_placement(world: HostWorld, admin: Caller) -> None:
    node = world.host("host1")
    aggregate = make(admin)
    uuid = admin.get("/os-aggregates/1").body["aggregate"]["uuid"]
    assert add(admin, aggregate, "host1").body["aggregate"]["hosts"] == ["host1"]
    assert world.placement.providers_by_uuid[node.uuid].aggregates == (uuid,)
    assert add(admin, aggregate, "host1").status == 409
    assert admin.delete("/os-aggregates/1").status == 400
    assert act(admin, aggregate, "remove_host", {"host": "host1"}).body["aggregate"]["hosts"] == []
    assert world.placement.providers_by_uuid[node.uuid].aggregates == ()
    assert act(admin, aggregate, "remove_host", {"host": "host1"}).status == 404
    reply = admin.delete("/os-aggregates/1")
    assert (reply.status, reply.raw) == (200, b"")


def test_only_mapped_hosts_can_be_added(world: HostWorld, admin: Caller) -> None:
    world.host("host1", mapped=False)
    make(admin)
    assert add(admin, 1, "host1").status == 404
    assert add(admin, 1, "nowhere").status == 404
    assert add(admin, 1, "no/host").status == 400


def test_a_host_is_in_one_zone(world: HostWorld, admin: Caller) -> None:
    world.host("host1")
    first, second = make(admin, "a", "az1"), make(admin, "b", "az2")
    assert add(admin, first, "host1").status == 200
    assert add(admin, second, "host1").status == 409
    third = make(admin, "c")
    assert add(admin, third, "host1").status == 200
    refused = act(admin, third, "set_metadata", {"metadata": {"availability_zone": "az2"}})
    assert refused.status == 400


def test_a_zone_stays_under_its_servers(world: HostWorld, admin: Caller) -> None:
    world.host("host1")
    aggregate = make(admin, "a", "az1")
    assert add(admin, aggregate, "host1").status == 200
    world.server(host="host1", pinned_availability_zone="az1")
    refused = admin.put("/os-aggregates/1", {"aggregate": {"availability_zone": "az2"}})
    assert (refused.status, "contain instances" in refused.message) == (400, True)
    assert act(admin, aggregate, "remove_host", {"host": "host1"}).status == 409


class TestImages:
    @pytest.fixture(autouse=True)
    def _an_aggregate_of_two(self, world: HostWorld, admin: Caller) -> None:
        make(admin)
        for name in ("host1", "host2"):
            world.host(name)
            add(admin, 1, name)
        world.images.add(Image(id=IMAGE, name="i"))

    def test_the_hosts_are_told_to_fetch_images(self, world: HostWorld, admin: Caller) -> None:
        reply = admin.post("/os-aggregates/1/images", {"cache": [{"id": IMAGE}]})
        assert (reply.status, reply.raw) == (202, b"")
        assert world.agents.told == [
            ("host1", "cache_images", (IMAGE,)),
            ("host2", "cache_images", (IMAGE,)),
        ]

    @pytest.mark.parametrize(
        "cache",
        [
            [],
            [{"id": "x"}],
            [{"id": IMAGE}, {"id": IMAGE}],
            [{"id": "70a599e0-31e7-49b7-b260-868f441e8000"}],
            [{"id": IMAGE, "name": "x"}],
        ],
    )
    def test_bad_lists_are_refused(self, world: HostWorld, admin: Caller, cache: Any) -> None:
        assert admin.post("/os-aggregates/1/images", {"cache": cache}).status == 400
        assert world.agents.told == []

    def test_it_came_with_2_81(self, admin: Caller) -> None:
        body = {"cache": [{"id": IMAGE}]}
        assert admin.post("/os-aggregates/1/images", body, "2.80").status == 404
        assert admin.post("/os-aggregates/1/images", body, "2.81").status == 202


def test_aggregates_are_for_admins(admin: Caller, member: Caller) -> None:
    make(admin)
    one = "/os-aggregates/1"
    calls = {
        "index": member.get("/os-aggregates"),
        "create": member.post("/os-aggregates", {"aggregate": {"name": "x"}}),
        "show": member.get(one),
        "update": member.put(one, {"aggregate": {"name": "x"}}),
        "delete": member.delete(one),
        "add_host": member.post(f"{one}/action", {"add_host": {"host": "h"}}),
        "remove_host": member.post(f"{one}/action", {"remove_host": {"host": "h"}}),
        "set_metadata": member.post(f"{one}/action", {"set_metadata": {"metadata": {}}}),
    }
    for name, reply in calls.items():
        assert reply.status == 403, name
        assert f"os_compute_api:os-aggregates:{name}" in reply.message
    refused = member.post(f"{one}/images", {"cache": [{"id": IMAGE}]})
    assert (refused.status, "compute:aggregates:images" in refused.message) == (403, True)


def test_unknown_parameters_are_refused_from_2_102_on(admin: Caller) -> None:
    assert admin.get("/os-aggregates?x=1", "2.101").status == 200
    assert admin.get("/os-aggregates?x=1", "2.102").status == 400
