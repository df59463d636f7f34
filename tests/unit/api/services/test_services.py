from __future__ import annotations

from typing import Any

import pytest

from compute_service.store.mappings import host_mapping_get
from compute_service.store.migrations import migration_insert
from tests.fixtures.records import a_migration, new_uuid
from tests.unit.api.hosts import HostWorld
from tests.unit.api.world import CELL
from tests.unit.api.wsgi import Caller

DISABLED = "COMPUTE_STATUS_DISABLED"


@pytest.fixture
def uuid(world: HostWorld) -> str:
    """Make a compute host and return its service's UUID."""
    return world.host("host1").service_uuid


def listed(caller: Caller, query: str = "", version: str = "2.104") -> list[dict[str, Any]]:
    reply = caller.get(f"/os-services?{query}", version)
    assert reply.status == 200, reply
    return list(reply.body["services"])


def test_services_are_listed_with_what_is_known_of_them(world: HostWorld, admin: Caller, uuid: str) -> None:
    daemon = world.daemon("nova-scheduler")
    assert listed(admin) == [
        {
            "id": daemon.uuid,
            "binary": "nova-scheduler",
            "host": "controller",
            "zone": "internal",
            "status": "enabled",
            "state": "up",
            "updated_at": "2023-11-14T22:13:20.000000",
            "disabled_reason": None,
            "forced_down": False,
        },
        {
            "id": uuid,
            "binary": "nova-compute",
            "host": "host1",
            "zone": "nova",
            "status": "enabled",
            "state": "up",
            "updated_at": "2023-11-14T22:13:20.000000",
            "disabled_reason": None,
            "forced_down": False,
        },
    ]
    assert [one["host"] for one in listed(admin, "binary=nova-compute")] == ["host1"]
    assert [one["host"] for one in listed(admin, "host=controller")] == ["controller"]
    assert listed(admin, "host=host1&binary=nova-scheduler") == []


def test_a_silent_service_is_down(world: HostWorld, admin: Caller, uuid: str) -> None:
    world.svc.clock.sleep(61)
    assert listed(admin)[0]["state"] == "down"


@pytest.mark.parametrize(("version", "has"), [("2.10", False), ("2.11", True)])
def test_forced_down_came_with_2_11(admin: Caller, uuid: str, version: str, has: bool) -> None:
    assert ("forced_down" in listed(admin, version=version)[0]) is has


@pytest.mark.parametrize(("version", "number"), [("2.52", True), ("2.53", False)])
def test_services_have_a_uuid_from_2_53_on(admin: Caller, uuid: str, version: str, number: bool) -> None:
    assert listed(admin, version=version)[0]["id"] == (1 if number else uuid)


def test_hosts_of_a_cell_that_is_down_are_named_from_2_69_on(
    world: HostWorld, admin: Caller, uuid: str
) -> None:
    world.host("host2")
    world.cell_is_down()
    assert listed(admin, version="2.68") == []
    down = [{"binary": "nova-compute", "host": name, "status": "UNKNOWN"} for name in ("host1", "host2")]
    assert listed(admin, version="2.69") == down
    assert listed(admin, "host=host2") == down[1:]
    assert listed(admin, "binary=nova-scheduler") == []


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400)])
def test_unknown_parameters_are_refused_from_2_75_on(admin: Caller, version: str, status: int) -> None:
    assert admin.get("/os-services?x=1", version).status == status


class TestUpdateByUuid:
    def test_a_disabled_service_says_why_and_its_host_is_told(
        self, world: HostWorld, admin: Caller, uuid: str
    ) -> None:
        change = {"status": "disabled", "disabled_reason": "maintenance"}
        shown = admin.put(f"/os-services/{uuid}", change).body["service"]
        assert (shown["status"], shown["disabled_reason"], shown["state"]) == (
            "disabled",
            "maintenance",
            "up",
        )
        assert shown["id"] == uuid
        assert world.agents.told == [("host1", "set_disabled", True)]
        shown = admin.put(f"/os-services/{uuid}", {"status": "enabled"}).body["service"]
        assert (shown["status"], shown["disabled_reason"]) == ("enabled", None)
        assert world.agents.told[1:] == [("host1", "set_disabled", False)]

    def test_placement_is_told_from_here_when_the_host_is_down(self, world: HostWorld, admin: Caller) -> None:
        node = world.host("host1")
        world.svc.clock.sleep(100)
        admin.put(f"/os-services/{node.service_uuid}", {"status": "disabled"})
        assert world.placement.providers_by_uuid[node.uuid].traits == (DISABLED,)
        admin.put(f"/os-services/{node.service_uuid}", {"status": "enabled"})
        assert world.placement.providers_by_uuid[node.uuid].traits == ()
        assert world.agents.told == []

    def test_a_service_can_be_forced_down(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        shown = admin.put(f"/os-services/{uuid}", {"forced_down": "True"}).body["service"]
        assert (shown["forced_down"], shown["state"], shown["status"]) == (True, "down", "enabled")
        shown = admin.put(f"/os-services/{uuid}", {"forced_down": False}).body["service"]
        assert (shown["forced_down"], shown["state"]) == (False, "up")

    def test_a_host_comes_up_after_its_evacuations_are_cleaned_up(
        self, world: HostWorld, admin: Caller, uuid: str
    ) -> None:
        admin.put(f"/os-services/{uuid}", {"forced_down": True})
        with world.store.database(CELL).write() as tx:
            migration_insert(tx, a_migration(new_uuid(), migration_type="evacuation", status="done"))
        assert admin.put(f"/os-services/{uuid}", {"forced_down": False}).status == 400

    @pytest.mark.parametrize(
        "change",
        [
            {},
            {"disabled_reason": "x"},
            {"status": "enabled", "disabled_reason": "x"},
            {"status": "broken"},
            {"status": "disabled", "disabled_reason": ""},
            {"forced_down": "maybe"},
            {"host": "host1", "binary": "nova-compute"},
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, world: HostWorld, admin: Caller, uuid: str, change: dict[str, Any]
    ) -> None:
        assert admin.put(f"/os-services/{uuid}", change).status == 400
        assert not world.service().disabled

    def test_only_compute_services_are_changed(self, world: HostWorld, admin: Caller) -> None:
        daemon = world.daemon("nova-conductor")
        reply = admin.put(f"/os-services/{daemon.uuid}", {"status": "disabled"})
        assert (reply.status, "nova-conductor" in reply.message) == (400, True)

    def test_services_are_named_by_uuid(self, admin: Caller, uuid: str) -> None:
        for name, status in (("1", 400), ("enable", 400), (new_uuid(), 404)):
            assert admin.put(f"/os-services/{name}", {"status": "enabled"}).status == status


class TestUpdateByName:
    BODY = {"host": "host1", "binary": "nova-compute"}

    def test_enable_and_disable(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        shown = admin.put("/os-services/disable", self.BODY, "2.1").body
        assert shown == {"service": {**self.BODY, "status": "disabled"}}
        assert world.service().disabled
        shown = admin.put("/os-services/enable", self.BODY, "2.52").body
        assert shown == {"service": {**self.BODY, "status": "enabled"}}
        assert not world.service().disabled

    def test_disable_with_a_reason(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        body = {**self.BODY, "disabled_reason": "why"}
        shown = admin.put("/os-services/disable-log-reason", body, "2.1").body
        assert shown == {"service": {**self.BODY, "status": "disabled", "disabled_reason": "why"}}
        assert world.service().disabled_reason == "why"
        assert admin.put("/os-services/disable-log-reason", self.BODY, "2.1").status == 400

    def test_force_down_came_with_2_11(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        body = {**self.BODY, "forced_down": True}
        assert admin.put("/os-services/force-down", body, "2.10").status == 400
        assert admin.put("/os-services/force-down", self.BODY, "2.10").status == 404
        shown = admin.put("/os-services/force-down", body, "2.11").body
        assert shown == {"service": {**self.BODY, "forced_down": True}}
        assert world.service().forced_down
        assert admin.put("/os-services/force-down", self.BODY, "2.11").status == 400

    def test_an_unknown_service_or_action_is_not_found(self, admin: Caller, uuid: str) -> None:
        other = {"host": "nowhere", "binary": "nova-compute"}
        assert admin.put("/os-services/enable", other, "2.1").status == 404
        assert admin.put("/os-services/restart", self.BODY, "2.1").status == 404
        assert admin.put("/os-services/enable", {"host": "host1"}, "2.1").status == 400

    def test_they_ended_with_2_52(self, admin: Caller, uuid: str) -> None:
        assert admin.put("/os-services/enable", self.BODY, "2.53").status == 400


class TestDelete:
    def test_with_a_compute_service_goes_its_host(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        admin.post("/os-aggregates", {"aggregate": {"name": "a"}})
        admin.post("/os-aggregates/1/action", {"add_host": {"host": "host1"}})
        assert admin.delete(f"/os-services/{uuid}").status == 204
        assert listed(admin) == []
        assert world.nodes() == []
        assert world.placement.providers_by_uuid == {}
        assert admin.get("/os-aggregates/1").body["aggregate"]["hosts"] == []
        with world.store.api.read() as tx:
            assert host_mapping_get(tx, "host1") is None

    def test_a_host_with_servers_stays(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        world.server(host="host1")
        reply = admin.delete(f"/os-services/{uuid}")
        assert (reply.status, "hosting instances" in reply.message) == (409, True)

    def test_a_host_with_moves_in_progress_stays(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        with world.store.database(CELL).write() as tx:
            migration_insert(tx, a_migration(new_uuid(), status="migrating"))
        reply = admin.delete(f"/os-services/{uuid}")
        assert (reply.status, "in-progress migrations" in reply.message) == (409, True)

    def test_other_services_are_just_removed(self, world: HostWorld, admin: Caller) -> None:
        assert admin.delete(f"/os-services/{world.daemon('nova-conductor').uuid}").status == 204

    @pytest.mark.parametrize(
        ("name", "version", "status"),
        [("1", "2.52", 204), ("7", "2.52", 404), ("x", "2.52", 400), ("1", "2.53", 400), ("x", "2.53", 400)],
    )
    def test_until_2_52_services_are_named_by_number(
        self, admin: Caller, uuid: str, name: str, version: str, status: int
    ) -> None:
        assert admin.delete(f"/os-services/{name}", version).status == status

    def test_a_number_may_be_of_several_services(self, world: HostWorld, admin: Caller, uuid: str) -> None:
        world.daemon("nova-scheduler")
        reply = admin.delete("/os-services/1", "2.52")
        assert (reply.status, "multiple services" in reply.message) == (400, True)


def test_services_are_for_admins(member: Caller, uuid: str) -> None:
    calls = {
        "list": member.get("/os-services"),
        "update": member.put(f"/os-services/{uuid}", {"status": "enabled"}),
        "delete": member.delete(f"/os-services/{uuid}"),
    }
    for name, reply in calls.items():
        assert (reply.status, f"os_compute_api:os-services:{name}" in reply.message) == (403, True)
