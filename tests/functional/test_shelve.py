"""Servers that leave their hosts for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]


def boot(member: Caller, order: dict[str, Any]) -> str:
    return str(member.settled(member.post("/servers", order).body["server"]["id"], "ACTIVE")["id"])


def shelved(member: Caller, order: dict[str, Any]) -> str:
    server = boot(member, order)
    assert member.act(server, "shelve").status == 202
    member.settled(server, "SHELVED_OFFLOADED")
    return server


def test_a_server_is_shelved_and_comes_back(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    host = cloud.host_of(admin, server)
    used = member.get("/limits").body["limits"]["absolute"]["totalInstancesUsed"]
    assert member.act(server, "shelve").status == 202
    seen = member.settled(server, "SHELVED_OFFLOADED")
    assert seen["OS-EXT-STS:vm_state"] == "shelved_offloaded"
    assert seen["addresses"]["private"][0]["addr"]
    assert admin.server(server)["OS-EXT-SRV-ATTR:host"] is None
    assert server not in cloud.guests(host)
    wait_for(lambda: cloud.allocated(server) == {})
    assert member.get("/limits").body["limits"]["absolute"]["totalInstancesUsed"] == used
    assert [p.host for p in cloud.network.ports.values() if p.device_id == server] == [""]
    assert member.act(server, "unshelve").status == 202
    again = member.settled(server, "ACTIVE")
    assert again["addresses"] == seen["addresses"]
    assert server in cloud.guests(cloud.host_of(admin, server))
    assert cloud.allocated(server)["VCPU"] == 1
    actions = member.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert sorted(action["action"] for action in actions) == ["create", "shelve", "unshelve"]


def test_a_shelved_server_is_deleted_with_its_image(cloud: Cloud, member: Caller, order: Order) -> None:
    server = shelved(member, order())
    assert member.delete(f"/servers/{server}").status == 204
    member.gone(server)
    wait_for(lambda: not cloud.traces_of(server), told=lambda: str(cloud.traces_of(server)))


def test_a_paused_server_is_shelved(member: Caller, order: Order) -> None:
    server = boot(member, order())
    member.act(server, "pause")
    member.settled(server, "PAUSED")
    assert member.act(server, "shelve").status == 202
    member.settled(server, "SHELVED_OFFLOADED")
    assert member.act(server, "unshelve").status == 202
    member.settled(server, "ACTIVE")


def test_an_admin_says_where_it_comes_back(cloud: Cloud, member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())
    wanted = cloud.others(cloud.host_of(admin, server))[0]
    assert member.act(server, "shelve").status == 202
    member.settled(server, "SHELVED_OFFLOADED")
    assert member.act(server, "unshelve", {"host": wanted}).status == 403
    assert admin.act(server, "unshelve", {"host": wanted}).status == 202
    member.settled(server, "ACTIVE")
    assert cloud.host_of(admin, server) == wanted


@pytest.mark.parametrize(
    ("version", "body", "status"),
    [
        ("2.77", {}, 400),
        ("2.77", {"availability_zone": "nowhere"}, 400),
        ("2.77", {"availability_zone": None}, 400),
        ("2.90", {"host": "nowhere"}, 400),
        ("2.91", {"host": "nowhere"}, 400),
        ("2.91", {"host": None}, 400),
        ("2.91", {"availability_zone": "nova", "unknown": 1}, 400),
        ("2.91", {"availability_zone": "nova"}, 202),
    ],
)
def test_where_it_comes_back_is_checked(
    member: Caller, admin: Caller, order: Order, version: str, body: dict[str, Any], status: int
) -> None:
    server = shelved(member, order())
    assert admin.act(server, "unshelve", body, version).status == status
    admin.idle(server)


def test_a_failed_unshelving_leaves_it_shelved(cloud: Cloud, member: Caller, order: Order) -> None:
    server = shelved(member, order())
    with cloud.failing("spawn", times=1):
        assert member.act(server, "unshelve").status == 202
        assert member.idle(server)["status"] == "SHELVED_OFFLOADED"
    assert member.act(server, "unshelve").status == 202
    member.settled(server, "ACTIVE")


def test_what_the_state_does_not_allow_is_a_conflict(member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())
    assert member.act(server, "unshelve").status == 409
    assert admin.act(server, "shelveOffload").status == 409
    member.act(server, "shelve")
    member.settled(server, "SHELVED_OFFLOADED")
    for name, body in (("shelve", None), ("os-start", None), ("reboot", {"type": "SOFT"}), ("pause", None)):
        assert member.act(server, name, body).status == 409, name


def test_a_locked_server_is_not_shelved(member: Caller, order: Order) -> None:
    server = boot(member, order())
    member.act(server, "lock")
    assert member.act(server, "shelve").status == 409
