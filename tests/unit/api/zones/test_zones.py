from __future__ import annotations

from tests.unit.api.hosts import HostWorld
from tests.unit.api.wsgi import Caller


def zoned(world: HostWorld, admin: Caller) -> None:
    """Make three hosts: one in no zone, one in az1, one disabled in az2."""
    world.host("host1")
    world.host("host2")
    world.host("host3", disabled=True)
    world.daemon("nova-scheduler")
    for number, (host, zone) in enumerate((("host2", "az1"), ("host3", "az2")), 1):
        admin.post("/os-aggregates", {"aggregate": {"name": zone, "availability_zone": zone}})
        admin.post(f"/os-aggregates/{number}/action", {"add_host": {"host": host}})


def test_everybody_sees_the_zones_of_hosts(world: HostWorld, admin: Caller, member: Caller) -> None:
    zoned(world, admin)
    assert member.get("/os-availability-zone").body == {
        "availabilityZoneInfo": [
            {"zoneName": "az1", "zoneState": {"available": True}, "hosts": None},
            {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None},
            {"zoneName": "az2", "zoneState": {"available": False}, "hosts": None},
        ]
    }


def test_admins_see_what_is_in_them(world: HostWorld, admin: Caller) -> None:
    zoned(world, admin)
    found = {z["zoneName"]: z for z in admin.get("/os-availability-zone/detail").body["availabilityZoneInfo"]}
    assert list(found) == ["internal", "az1", "nova", "az2"]
    service = {"active": True, "available": True}
    assert found["internal"]["hosts"]["controller"]["nova-scheduler"].items() >= service.items()
    assert found["nova"]["hosts"]["host1"]["nova-compute"].items() >= service.items()
    assert found["az2"]["hosts"] is None


def test_a_silent_service_is_not_available(world: HostWorld, admin: Caller) -> None:
    world.host("host1")
    world.svc.clock.sleep(100)
    detail = admin.get("/os-availability-zone/detail").body["availabilityZoneInfo"]
    service = detail[1]["hosts"]["host1"]["nova-compute"]
    assert (service["active"], service["available"]) == (True, False)
    assert service["updated_at"].startswith("2023-11-14T22:13:20")


def test_details_are_for_admins(member: Caller) -> None:
    reply = member.get("/os-availability-zone/detail")
    assert (reply.status, "os-availability-zone:detail" in reply.message) == (403, True)


def test_unknown_parameters_are_refused_from_2_102_on(member: Caller) -> None:
    assert member.get("/os-availability-zone?x=1", "2.101").status == 200
    assert member.get("/os-availability-zone?x=1", "2.102").status == 400
