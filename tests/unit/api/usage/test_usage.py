from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from tests.unit.api.world import World, at
from tests.unit.api.wsgi import OTHER, OWN, Caller

ALL = "/os-simple-tenant-usage"
MINE = f"{ALL}/{OWN}"
PERIOD = "start=2023-11-01T00:00:00&end=2023-11-02T00:00:00"


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


def ran(world: World, since: datetime, until: datetime | None = None, **fields: Any) -> Instance:
    values = {"launched_at": since, "terminated_at": until, "created_at": since}
    return world.server(**{**values, **fields})


def test_a_project_sees_what_its_servers_took(world: World, member: Caller) -> None:
    server = ran(world, datetime(2023, 10, 31, 12), vm_state=VmState.ACTIVE)
    assert member.get(f"{MINE}?{PERIOD}").body == {
        "tenant_usage": {
            "tenant_id": OWN,
            "start": "2023-11-01T00:00:00.000000",
            "stop": "2023-11-02T00:00:00.000000",
            "total_hours": 24.0,
            "total_vcpus_usage": 24.0,
            "total_memory_mb_usage": 12288.0,
            "total_local_gb_usage": 24.0,
            "server_usages": [
                {
                    "instance_id": server.uuid,
                    "name": server.display_name,
                    "tenant_id": OWN,
                    "flavor": "m1.small",
                    "vcpus": 1,
                    "memory_mb": 512,
                    "local_gb": 1,
                    "hours": 24.0,
                    "started_at": "2023-10-31T12:00:00.000000",
                    "ended_at": None,
                    "state": "active",
                    "uptime": 1246400,
                }
            ],
        }
    }


def test_a_server_that_ended_counts_for_its_part(world: World, member: Caller) -> None:
    ran(world, datetime(2023, 11, 1, 6), datetime(2023, 11, 1, 9))
    ran(world, datetime(2023, 10, 1), datetime(2023, 10, 2))
    usage = member.get(f"{MINE}?{PERIOD}").body["tenant_usage"]
    [one] = usage["server_usages"]
    assert (usage["total_hours"], one["state"], one["uptime"]) == (3.0, "terminated", 10800)
    assert one["ended_at"] == "2023-11-01T09:00:00.000000"


def test_a_project_without_servers_shows_nothing(member: Caller) -> None:
    assert member.get(f"{MINE}?{PERIOD}").body == {"tenant_usage": {}}


def test_admins_see_all_projects_and_servers_if_they_ask(world: World, admin: Caller) -> None:
    ran(world, at(2023, 11, 1))
    ran(world, at(2023, 11, 1), project_id=OTHER)
    brief = admin.get(f"{ALL}?{PERIOD}").body["tenant_usages"]
    assert {one["tenant_id"] for one in brief} == {OWN, OTHER}
    assert not any("server_usages" in one for one in brief)
    assert not any(
        "server_usages" in one for one in admin.get(f"{ALL}?{PERIOD}&detailed=0").body["tenant_usages"]
    )
    detailed = admin.get(f"{ALL}?{PERIOD}&detailed=1").body["tenant_usages"]
    assert [len(one["server_usages"]) for one in detailed] == [1, 1]
    # The SDK, and with it the client's table of usage, says it in Python's word.
    assert admin.get(f"{ALL}?{PERIOD}&detailed=True").body["tenant_usages"] == detailed


def test_pages_follow_each_other_from_2_40_on(world: World, admin: Caller, member: Caller) -> None:
    servers = [ran(world, datetime(2023, 11, 1, hour)) for hour in (1, 2, 3)]
    for caller, path, name in ((admin, ALL, "tenant_usages"), (member, MINE, "tenant_usage")):
        first = caller.get(f"{path}?{PERIOD}&limit=2", "2.40").body
        [link] = first[f"{name}_links"]
        assert f"marker={servers[1].uuid}" in link["href"]
        assert f"/v2.1{path}?" in link["href"]
        rest = caller.get(f"{path}?{PERIOD}&limit=2&marker={servers[1].uuid}", "2.40").body
        assert f"{name}_links" not in rest
        usage = rest[name][0] if name.endswith("s") else rest[name]
        assert usage["total_hours"] == 21.0
        below = caller.get(f"{path}?{PERIOD}&limit=2", "2.39").body
        assert below.keys() == {name}
    assert member.get(f"{MINE}?{PERIOD}&marker=nobody").status == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("start=2023-11-01T00:00:00.5&end=2023-11-02", 200),
        ("start=2023-11-01+00:00:00.000000&end=2023-11-02+00:00:00.000000", 200),
        ("start=yesterday", 400),
        ("end=13/11/2023", 400),
        ("start=9999-12-31T23:59:59-14:00", 400),
        ("end=0001-01-01T00:00:00%2B14:00", 400),
        ("end=0001-01-03T00:00:00", 200),
        ("start=2023-11-02T00:00:00&end=2023-11-01T00:00:00", 400),
        ("", 200),
    ],
)
def test_times_may_be_written_in_some_ways(member: Caller, query: str, status: int) -> None:
    assert member.get(f"{MINE}?{query}").status == status


def test_usage_of_others_is_for_admins(world: World, admin: Caller, member: Caller) -> None:
    refused = member.get(ALL)
    assert (refused.status, "os-simple-tenant-usage:list " in refused.message) == (403, True)
    refused = member.get(f"{ALL}/{OTHER}")
    assert (refused.status, "os-simple-tenant-usage:show " in refused.message) == (403, True)
    assert admin.get(f"{ALL}/{OTHER}").status == 200
    assert world.caller("rita", role="reader").get(MINE).status == 200


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400)])
def test_unknown_parameters_are_refused_from_2_75_on(member: Caller, version: str, status: int) -> None:
    assert member.get(f"{MINE}?x=1", version).status == status
