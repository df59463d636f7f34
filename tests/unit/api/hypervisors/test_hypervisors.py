from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compute_service.config.settings import Settings
from tests.fixtures.records import new_uuid
from tests.unit.api.hosts import HostWorld, make_host_world
from tests.unit.api.wsgi import Caller

USED = {
    "vcpus_used": 2,
    "memory_mb_used": 512,
    "local_gb_used": 10,
    "disk_available_least": 5,
    "uptime": "up 3",
}
GONE_WITH_2_88 = {
    "cpu_info",
    "vcpus",
    "vcpus_used",
    "memory_mb",
    "memory_mb_used",
    "free_ram_mb",
    "local_gb",
    "local_gb_used",
    "free_disk_gb",
    "disk_available_least",
    "current_workload",
    "running_vms",
}


def names(caller: Caller, path: str, version: str = "2.104") -> list[str]:
    reply = caller.get(path, version)
    assert reply.status == 200, reply
    return [one["hypervisor_hostname"] for one in reply.body["hypervisors"]]


def test_a_list_shows_name_and_state(world: HostWorld, admin: Caller) -> None:
    node = world.host("host1")
    assert admin.get("/os-hypervisors").body == {
        "hypervisors": [
            {
                "id": node.uuid,
                "hypervisor_hostname": "host1.example.org",
                "state": "up",
                "status": "enabled",
            }
        ]
    }


def test_details_up_to_2_87_tell_what_is_used(world: HostWorld, admin: Caller) -> None:
    node = world.host("host1", facts={**USED, "stats": {"running_vms": 3, "io_workload": 1}})
    [shown] = admin.get("/os-hypervisors/detail", "2.87").body["hypervisors"]
    assert shown == {
        "id": node.uuid,
        "hypervisor_hostname": "host1.example.org",
        "state": "up",
        "status": "enabled",
        "hypervisor_type": "fake",
        "hypervisor_version": 1000,
        "host_ip": "10.0.0.1",
        "service": {"id": node.service_uuid, "host": "host1", "disabled_reason": None},
        "cpu_info": {"model": "Nehalem"},
        "vcpus": 8,
        "vcpus_used": 2,
        "memory_mb": 16384,
        "memory_mb_used": 512,
        "free_ram_mb": 15872,
        "local_gb": 100,
        "local_gb_used": 10,
        "free_disk_gb": 90,
        "disk_available_least": 5,
        "current_workload": 1,
        "running_vms": 3,
    }
    assert admin.get(f"/os-hypervisors/{node.uuid}", "2.87").body == {"hypervisor": shown}


def test_details_from_2_88_on_show_uptime_instead(world: HostWorld, admin: Caller) -> None:
    node = world.host("host1", facts=USED)
    shown = admin.get(f"/os-hypervisors/{node.uuid}", "2.88").body["hypervisor"]
    assert shown["uptime"] == "up 3"
    assert not GONE_WITH_2_88 & shown.keys()
    world.svc.clock.sleep(100)
    shown = admin.get("/os-hypervisors/detail", "2.88").body["hypervisors"][0]
    assert (shown["state"], shown["uptime"]) == ("down", None)


@pytest.mark.parametrize(
    ("version", "cpu_info"), [("2.27", '{"model":"Nehalem"}'), ("2.28", {"model": "Nehalem"})]
)
def test_cpu_info_is_an_object_from_2_28_on(
    world: HostWorld, admin: Caller, version: str, cpu_info: Any
) -> None:
    world.host("host1")
    world.host("host2", facts={"cpu_info": {}})
    first, second = admin.get("/os-hypervisors/detail", version).body["hypervisors"]
    assert first["cpu_info"] == cpu_info
    assert second["cpu_info"] == ("" if version == "2.27" else {})
    assert admin.get("/os-hypervisors/1", version).body["hypervisor"]["cpu_info"] == cpu_info


@pytest.mark.parametrize(("version", "number"), [("2.52", True), ("2.53", False)])
def test_hypervisors_have_a_uuid_from_2_53_on(
    world: HostWorld, admin: Caller, version: str, number: bool
) -> None:
    node = world.host("host1")
    right, wrong = ("1", node.uuid) if number else (node.uuid, "1")
    shown = admin.get(f"/os-hypervisors/{right}", version).body["hypervisor"]
    assert shown["id"] == (1 if number else node.uuid)
    assert shown["service"]["id"] == (1 if number else node.service_uuid)
    assert admin.get("/os-hypervisors", version).body["hypervisors"][0]["id"] == shown["id"]
    assert admin.get(f"/os-hypervisors/{wrong}", version).status == (404 if number else 400)
    missing = "7" if number else new_uuid()
    assert admin.get(f"/os-hypervisors/{missing}", version).status == 404


def test_a_disabled_service_shows_why(world: HostWorld, admin: Caller) -> None:
    node = world.host("host1", disabled=True, disabled_reason="why", forced_down=True)
    shown = admin.get(f"/os-hypervisors/{node.uuid}").body["hypervisor"]
    assert (shown["status"], shown["state"], shown["service"]["disabled_reason"]) == (
        "disabled",
        "down",
        "why",
    )


class TestPages:
    @pytest.fixture(autouse=True)
    def _three(self, world: HostWorld) -> None:
        for number in (1, 2, 3):
            world.host(f"host{number}")

    @pytest.mark.parametrize("path", ["/os-hypervisors", "/os-hypervisors/detail"])
    @pytest.mark.parametrize("version", ["2.33", "2.53"])
    def test_pages_follow_each_other(self, admin: Caller, path: str, version: str) -> None:
        first = admin.get(f"{path}?limit=2", version).body
        assert [one["hypervisor_hostname"][:5] for one in first["hypervisors"]] == ["host1", "host2"]
        [link] = first["hypervisors_links"]
        marker = first["hypervisors"][-1]["id"]
        assert link["href"] == f"http://127.0.0.1:8774/v2.1{path}?limit=2&marker={marker}"
        second = admin.get(f"{path}?limit=2&marker={marker}", version).body
        assert [one["hypervisor_hostname"][:5] for one in second["hypervisors"]] == ["host3"]
        assert "hypervisors_links" not in second

    def test_below_2_33_there_are_no_pages(self, admin: Caller) -> None:
        assert len(names(admin, "/os-hypervisors?limit=2", "2.32")) == 3
        assert "hypervisors_links" not in admin.get("/os-hypervisors", "2.32").body

    @pytest.mark.parametrize(("version", "marker"), [("2.33", "99"), ("2.53", "99"), ("2.53", new_uuid())])
    def test_an_unknown_marker_is_refused(self, admin: Caller, version: str, marker: str) -> None:
        assert admin.get(f"/os-hypervisors?marker={marker}", version).status == 400

    def test_a_page_is_no_longer_than_allowed(self) -> None:
        settings = Settings()
        world = make_host_world(
            dataclasses.replace(settings, api=dataclasses.replace(settings.api, max_limit=1))
        )
        world.host("host1")
        world.host("host2")
        assert names(world.caller(role="admin"), "/os-hypervisors?limit=5") == ["host1.example.org"]
        world.store.close()


class TestPatterns:
    @pytest.fixture(autouse=True)
    def _two(self, world: HostWorld) -> None:
        for name in ("rack1-a", "rack2-a"):
            world.host(name)

    def test_a_part_of_the_name_finds_hypervisors(self, admin: Caller) -> None:
        path = "/os-hypervisors?hypervisor_hostname_pattern="
        assert names(admin, f"{path}rack1") == ["rack1-a.example.org"]
        assert len(names(admin, f"{path}example")) == 2
        assert admin.get(f"{path}rack3").status == 404
        assert admin.get(f"{path}rack1&limit=1").status == 400
        assert admin.get(f"{path}rack1&marker={new_uuid()}").status == 400
        assert admin.get(f"{path}no/such").status == 400
        assert len(names(admin, f"{path}rack1", "2.52")) == 2

    def test_until_2_52_the_pattern_was_in_the_path(self, world: HostWorld, admin: Caller) -> None:
        world.server(host="rack1-a", node="rack1-a.example.org", display_name="s1")
        assert names(admin, "/os-hypervisors/rack1/search", "2.52") == ["rack1-a.example.org"]
        assert admin.get("/os-hypervisors/rack3/search", "2.52").status == 404
        assert admin.get("/os-hypervisors/rack1/search", "2.53").status == 404
        both = admin.get("/os-hypervisors/rack/servers", "2.52").body["hypervisors"]
        assert [len(one.get("servers", ())) for one in both] == [1, 0]
        assert "servers" not in both[1]
        assert admin.get("/os-hypervisors/rack3/servers", "2.52").status == 404
        assert admin.get("/os-hypervisors/rack1/servers", "2.53").status == 404


@pytest.mark.parametrize(("version", "empty"), [("2.53", None), ("2.74", None), ("2.75", [])])
def test_servers_are_shown_to_who_asks(world: HostWorld, admin: Caller, version: str, empty: Any) -> None:
    full, idle = world.host("host1"), world.host("host2")
    server = world.server(host="host1", node="host1.example.org")
    on_it = [{"name": "instance-00000001", "uuid": server.uuid}]
    for path in ("/os-hypervisors", "/os-hypervisors/detail"):
        found = admin.get(f"{path}?with_servers=true", version).body["hypervisors"]
        assert [one.get("servers") for one in found] == [on_it, empty]
        assert not any("servers" in one for one in admin.get(path, version).body["hypervisors"])
    one = f"/os-hypervisors/{full.uuid}"
    assert admin.get(f"{one}?with_servers=1", version).body["hypervisor"]["servers"] == on_it
    assert "servers" not in admin.get(one, version).body["hypervisor"]
    alone = admin.get(f"/os-hypervisors/{idle.uuid}?with_servers=1", version).body["hypervisor"]
    assert alone.get("servers") == empty
    assert admin.get(f"{one}?with_servers=maybe", version).status == 400


@pytest.mark.parametrize("version", ["2.1", "2.52", "2.53", "2.87"])
def test_uptime_is_shown_until_2_87(world: HostWorld, admin: Caller, version: str) -> None:
    node = world.host("host1", facts=USED)
    name = node.uuid if version in ("2.53", "2.87") else "1"
    shown = admin.get(f"/os-hypervisors/{name}/uptime", version).body["hypervisor"]
    assert shown == {
        "id": node.uuid if name != "1" else 1,
        "hypervisor_hostname": "host1.example.org",
        "state": "up",
        "status": "enabled",
        "uptime": "up 3",
    }
    world.svc.clock.sleep(100)
    assert admin.get(f"/os-hypervisors/{name}/uptime", version).status == 400
    assert admin.get(f"/os-hypervisors/{node.uuid}/uptime", "2.88").status == 404


def test_statistics_sum_up_enabled_hypervisors_until_2_87(world: HostWorld, admin: Caller) -> None:
    for name in ("host1", "host2"):
        world.host(name, facts=USED)
    world.host("host3", facts=USED, disabled=True)
    assert admin.get("/os-hypervisors/statistics", "2.87").body == {
        "hypervisor_statistics": {
            "count": 2,
            "vcpus": 16,
            "vcpus_used": 4,
            "memory_mb": 32768,
            "memory_mb_used": 1024,
            "free_ram_mb": 31744,
            "local_gb": 200,
            "local_gb_used": 20,
            "free_disk_gb": 180,
            "disk_available_least": 10,
            "current_workload": 0,
            "running_vms": 0,
        }
    }
    assert admin.get("/os-hypervisors/statistics", "2.88").status == 404


@pytest.mark.parametrize(
    ("version", "status"), [("2.32", 200), ("2.33", 200), ("2.52", 200), ("2.53", 400), ("2.104", 400)]
)
def test_unknown_parameters_are_refused_from_2_53_on(admin: Caller, version: str, status: int) -> None:
    assert admin.get("/os-hypervisors?x=1", version).status == status
    assert admin.get("/os-hypervisors/detail?x=1", version).status == status


def test_hypervisors_are_for_admins(world: HostWorld, member: Caller) -> None:
    node = world.host("host1")
    one = f"/os-hypervisors/{node.uuid}"
    calls = {
        "list": member.get("/os-hypervisors"),
        "list-detail": member.get("/os-hypervisors/detail"),
        "statistics": member.get("/os-hypervisors/statistics", "2.87"),
        "show": member.get(one),
        "uptime": member.get(f"{one}/uptime", "2.87"),
        "search": member.get("/os-hypervisors/x/search", "2.52"),
        "servers": member.get("/os-hypervisors/x/servers", "2.52"),
    }
    for name, reply in calls.items():
        assert (reply.status, f"os-hypervisors:{name} " in reply.message) == (403, True), name
