from __future__ import annotations

from typing import Any

import pytest

from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from tests.fixtures.records import new_uuid
from tests.unit.api.hosts import make_host_world
from tests.unit.api.world import World
from tests.unit.api.wsgi import Caller, Reply

PATH = "/os-server-external-events"


@pytest.fixture
def service(world: World) -> Caller:
    return world.caller("neutron", role="service")


@pytest.fixture
def server(world: World) -> Instance:
    return world.server(task_state=None, locked_by=None)


def tell(caller: Caller, *events: dict[str, Any], version: str = "2.104") -> Reply:
    return caller.post(PATH, {"events": list(events)}, version)


def test_an_event_is_taken(service: Caller, server: Instance) -> None:
    reply = tell(service, {"name": "network-vif-plugged", "server_uuid": server.uuid, "tag": "port"})
    assert reply.status == 200
    assert reply.body == {
        "events": [
            {
                "name": "network-vif-plugged",
                "server_uuid": server.uuid,
                "status": "completed",
                "tag": "port",
                "code": 200,
            }
        ]
    }


def test_each_event_has_a_code_of_its_own(world: World, service: Caller, server: Instance) -> None:
    waiting = world.server(host=None, node=None, vm_state=VmState.BUILDING)
    reply = tell(
        service,
        {"name": "network-vif-plugged", "server_uuid": server.uuid},
        {"name": "network-vif-plugged", "server_uuid": new_uuid()},
        {"name": "network-vif-plugged", "server_uuid": waiting.uuid},
        {"name": "volume-extended", "server_uuid": server.uuid},
        {"name": "power-update", "server_uuid": server.uuid, "tag": "SLEEP"},
    )
    assert reply.status == 207
    assert [event["code"] for event in reply.body["events"]] == [200, 404, 422, 400, 400]
    assert [event["status"] for event in reply.body["events"]] == ["completed"] + ["failed"] * 4


def test_an_event_none_of_whose_servers_is_known_is_answered_too(service: Caller) -> None:
    assert tell(service, {"name": "network-vif-plugged", "server_uuid": new_uuid()}).status == 207


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("network-changed", 1),
        ("network-vif-unplugged", 1),
        ("network-vif-deleted", 1),
        ("volume-extended", 51),
        ("power-update", 76),
        ("accelerator-request-bound", 82),
        ("volume-reimaged", 93),
    ],
)
def test_events_came_with_versions(service: Caller, name: str, since: int) -> None:
    event = {"name": name, "server_uuid": new_uuid(), "tag": "t"}
    assert tell(service, event, version=f"2.{since}").status == 207
    if since > 1:
        assert tell(service, event, version=f"2.{since - 1}").status == 400


@pytest.mark.parametrize(
    "event",
    [
        {"name": "network-changed"},
        {"name": "network-changed", "server_uuid": "x"},
        {"name": "test-event", "server_uuid": new_uuid()},
        {"name": "network-changed", "server_uuid": new_uuid(), "status": "maybe"},
        {"name": "network-changed", "server_uuid": new_uuid(), "tag": "x" * 256},
        {"name": "network-changed", "server_uuid": new_uuid(), "more": 1},
        {"server_uuid": new_uuid()},
    ],
)
def test_bad_events_are_refused(service: Caller, event: dict[str, Any]) -> None:
    assert tell(service, event).status == 400


def test_there_is_at_least_one_event(service: Caller) -> None:
    assert tell(service).status == 400


def test_a_power_update_stops_a_server() -> None:
    world = make_host_world()
    world.host("host1")
    server = world.server(task_state=None, locked_by=None)
    event = {"name": "power-update", "server_uuid": server.uuid, "tag": "POWER_OFF"}
    assert tell(world.caller("ironic", role="service"), event).status == 200
    log = world.caller("root", role="admin").get(f"/servers/{server.uuid}/os-instance-actions").body
    assert [action["action"] for action in log["instanceActions"]] == ["stop"]
    world.store.close()


def test_events_are_for_services_and_admins(world: World, server: Instance) -> None:
    event = {"name": "network-vif-plugged", "server_uuid": server.uuid}
    for role in ("reader", "member", "manager"):
        refused = tell(world.caller(role=role), event)
        assert (refused.status, "os-server-external-events:create" in refused.message) == (403, True)
    assert tell(world.caller("root", role="admin"), event).status == 200


def test_extensions_are_listed_for_old_clients(world: World) -> None:
    member = world.caller()
    found = member.get("/extensions").body["extensions"]
    aliases = [one["alias"] for one in found]
    assert len(aliases) == len(set(aliases)) >= 99
    assert {"os-keypairs", "os-quota-sets", "OS-EXT-STS", "os-migrations"} <= set(aliases)
    one = member.get("/extensions/os-keypairs").body["extension"]
    assert one in found
    assert one.keys() == {"alias", "name", "description", "namespace", "updated", "links"}
    assert member.get("/extensions/os-nothing").status == 404
    assert member.get("/extensions?x=1", "2.101").status == 200
    assert member.get("/extensions?x=1", "2.102").status == 400
