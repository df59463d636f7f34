"""Servers that go to another host while they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]
ANY = {"host": None, "block_migration": "auto"}


def boot(member: Caller, order: dict[str, Any]) -> str:
    return str(member.settled(member.post("/servers", order).body["server"]["id"], "ACTIVE", 60)["id"])


def running(admin: Caller, server: str) -> dict[str, Any]:
    """Wait until a server is carried over, and return its migration."""
    path = f"/servers/{server}/migrations"

    def is_running() -> bool:
        return [one["status"] for one in admin.get(path).body["migrations"]] == ["running"]

    wait_for(is_running, 60)
    return dict(admin.get(path).body["migrations"][0])


def moves(admin: Caller, server: str) -> list[dict[str, Any]]:
    return list(admin.get(f"/os-migrations?instance_uuid={server}").body["migrations"])


def test_a_server_moves_and_all_of_it_is_there(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    target = cloud.others(source)[-1]
    asked = {"host": target, "block_migration": "auto"}
    assert admin.act(server, "os-migrateLive", asked).status == 202
    assert admin.idle(server, 60)["status"] == "ACTIVE"
    assert cloud.host_of(admin, server) == target
    assert [host for host in cloud.hosts if server in cloud.guests(host)] == [target]
    assert {port.host for port in cloud.network.ports.values() if port.device_id == server} == {target}
    (move,) = moves(admin, server)
    assert (move["migration_type"], move["status"]) == ("live-migration", "completed")
    assert (move["source_compute"], move["dest_compute"]) == (source, target)
    assert cloud.allocated(server)["VCPU"] == 1
    assert cloud.allocated(move["uuid"]) == {}
    actions = admin.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert "live-migration" in {action["action"] for action in actions}


def test_a_live_migration_is_aborted(cloud: Cloud, member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    with cloud.slow("live_migrate", 120.0):
        assert admin.act(server, "os-migrateLive", ANY).status == 202
        number = running(admin, server)["id"]
        assert admin.delete(f"/servers/{server}/migrations/{number}", "2.24").status == 202
        assert admin.idle(server, 60)["status"] == "ACTIVE"
    assert cloud.host_of(admin, server) == source
    assert [move["status"] for move in moves(admin, server)] == ["cancelled"]
    assert not any(cloud.network.tables.bindings.values())


def test_a_live_migration_is_forced_to_its_end(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    with cloud.slow("live_migrate", 120.0):
        assert admin.act(server, "os-migrateLive", ANY).status == 202
        path = f"/servers/{server}/migrations/{running(admin, server)['id']}/action"
        assert admin.post(path, {"force_complete": None}, "2.22").status == 202
        assert admin.idle(server, 60)["status"] == "ACTIVE"
    assert cloud.host_of(admin, server) != source


def test_a_server_is_deleted_while_it_moves(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    with cloud.slow("live_migrate", 120.0):
        assert admin.act(server, "os-migrateLive", ANY).status == 202
        running(admin, server)
        assert member.delete(f"/servers/{server}").status == 204
        member.gone(server, 60)
    wait_for(lambda: not cloud.traces_of(server), 60, told=lambda: str(cloud.traces_of(server)))


def test_what_hosts_refuse_is_told_at_once_below_2_34(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    asked = {"host": cloud.others(source)[0], "block_migration": False}
    with cloud.failing("live_prepare", times=9):
        reply = admin.act(server, "os-migrateLive", asked | {"force": False}, "2.33")
        assert (reply.status, reply.message) == (400, "live_prepare does not work here")
        admin.idle(server, 60)
        assert admin.act(server, "os-migrateLive", asked, "2.104").status == 202
        admin.idle(server, 60)
    assert cloud.host_of(admin, server) == source
    assert {move["status"] for move in moves(admin, server)} == {"error"}


@pytest.mark.parametrize(
    ("version", "body"),
    [
        ("2.1", {"host": None, "block_migration": False}),
        ("2.24", {"host": None, "block_migration": "auto", "disk_over_commit": False}),
        ("2.25", {"host": None, "block_migration": False, "disk_over_commit": False}),
        ("2.29", {"host": "nowhere", "block_migration": "auto", "force": False}),
        ("2.30", {"host": None, "block_migration": "auto", "force": True}),
        ("2.68", {"host": "nowhere", "block_migration": "auto", "force": False}),
        ("2.104", {"host": "nowhere", "block_migration": "auto"}),
        ("2.104", {"host": "{source}", "block_migration": "auto"}),
        ("2.104", {"block_migration": "auto"}),
    ],
)
def test_what_makes_no_sense_is_refused(
    cloud: Cloud,
    member: Caller,
    admin: Caller,
    order: Order,
    version: str,
    body: dict[str, Any],
) -> None:
    server = boot(member, order())
    source = cloud.host_of(admin, server)
    filled = {key: source if value == "{source}" else value for key, value in body.items()}
    assert admin.act(server, "os-migrateLive", filled, version).status == 400
    assert moves(admin, server) == []
