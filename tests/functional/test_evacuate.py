"""Servers whose host has failed: moved elsewhere, and cleaned up behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]


def boot(member: Caller, order: dict[str, Any]) -> str:
    return str(member.settled(member.post("/servers", order).body["server"]["id"], "ACTIVE")["id"])


def test_a_server_is_evacuated_and_its_old_host_cleaned_up(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    with cloud.down(admin, source):
        assert admin.act(server, "evacuate", {}).status == 200
        wait_for(lambda: cloud.host_of(admin, server) != source, 30)
        assert admin.idle(server)["status"] == "SHUTOFF"
        target = cloud.host_of(admin, server)
        assert server in cloud.guests(source) & cloud.guests(target)
        migration = admin.get(f"/os-migrations?instance_uuid={server}").body["migrations"][0]
        assert (migration["migration_type"], migration["status"]) == ("evacuation", "done")
        assert (migration["source_compute"], migration["dest_compute"]) == (source, target)
    assert server not in cloud.guests(source)
    assert cloud.allocated(server)["VCPU"] == 1
    assert cloud.allocated(migration["uuid"]) == {}
    migration = admin.get(f"/os-migrations?instance_uuid={server}").body["migrations"][0]
    assert migration["status"] == "completed"
    ports = [port.host for port in cloud.network.ports.values() if port.device_id == server]
    assert ports == [target]
    assert member.act(server, "os-start").status == 202
    member.settled(server, "ACTIVE")
    actions = admin.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert {"create", "evacuate", "start"} <= {action["action"] for action in actions}
    assert member.delete(f"/servers/{server}").status == 204
    member.gone(server)
    wait_for(lambda: not cloud.traces_of(server), told=lambda: str(cloud.traces_of(server)))


def test_a_named_host_is_taken(cloud: Cloud, member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    wanted = cloud.others(source)[-1]
    with cloud.down(admin, source):
        reply = admin.act(server, "evacuate", {"host": wanted, "onSharedStorage": "False"}, "2.1")
        assert reply.status == 200
        assert len(reply.body["adminPass"]) == 12
        admin.settled(server, "ACTIVE", 30)
        assert cloud.host_of(admin, server) == wanted


def test_a_failed_evacuation_leaves_the_server_as_it_was(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    with cloud.down(admin, source):
        with cloud.failing("spawn", times=1):
            assert admin.act(server, "evacuate", {}, "2.94").status == 200
            assert admin.idle(server)["status"] == "ACTIVE"
        assert cloud.host_of(admin, server) == source
        assert admin.act(server, "evacuate", {}, "2.94").status == 200
        admin.idle(server)
        assert cloud.host_of(admin, server) != source


@pytest.mark.parametrize(
    "asked",
    [
        ("2.1", {"onSharedStorage": True, "adminPass": "p"}, "admin password"),
        ("2.29", {"force": True}, "force"),
        ("2.104", {"host": "{source}"}, "same"),
        ("2.104", {"host": ""}, "host"),
        ("2.104", {"unknown": 1}, "unknown"),
    ],
)
def test_what_makes_no_sense_is_refused(
    cloud: Cloud, member: Caller, admin: Caller, order: Order, asked: tuple[str, dict[str, Any], str]
) -> None:
    version, body, says = asked
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    filled = {key: source if value == "{source}" else value for key, value in body.items()}
    with cloud.down(admin, source):
        reply = admin.act(server, "evacuate", filled, version)
    assert reply.status == 400
    assert says in reply.message


def test_an_unknown_host_is_not_found(cloud: Cloud, member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())
    with cloud.down(admin, cloud.host_of(admin, server)):
        reply = admin.act(server, "evacuate", {"host": "nowhere"})
    assert reply.status == 404
    assert reply.message == "Compute host nowhere could not be found."


def test_a_paused_server_stays_where_it_is(cloud: Cloud, member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())
    member.act(server, "pause")
    member.settled(server, "PAUSED")
    with cloud.down(admin, cloud.host_of(admin, server)):
        assert admin.act(server, "evacuate", {}).status == 409
