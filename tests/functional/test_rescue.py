"""Rescue, and what a host does inside a guest at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.functional.caller import Caller
from tests.functional.cloud import Cloud
from tests.functional.test_server_life import boot

Order = Callable[..., dict[str, Any]]
UNKNOWN = "11111111-2222-3333-4444-555555555555"


def test_a_rescue_tells_the_password_and_is_of_the_image_that_was_named(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())["id"]
    reply = member.act(server, "rescue", {"adminPass": "to-mend-it", "rescue_image_ref": cloud.image})
    assert (reply.status, reply.body) == (200, {"adminPass": "to-mend-it"})
    assert member.settled(server, "RESCUE")["OS-EXT-STS:vm_state"] == "rescued"
    assert member.act(server, "os-stop").status == 409
    assert member.act(server, "unrescue").status == 202
    assert member.settled(server, "ACTIVE")["OS-EXT-STS:power_state"] == 1
    log = member.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert [one["action"] for one in log] == ["unrescue", "rescue", "create"]


def test_a_rescue_makes_up_a_password(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    first = member.act(server, "rescue").body["adminPass"]
    assert len(first) == 12
    member.settled(server, "RESCUE")


def test_a_server_that_is_rescued_can_be_deleted(cloud: Cloud, member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    assert member.act(server, "rescue").status == 200
    member.settled(server, "RESCUE")
    assert member.delete(f"/servers/{server}").status == 204
    member.gone(server)


def test_a_rescue_from_an_image_that_is_not_there_is_refused(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    assert member.act(server, "rescue", {"rescue_image_ref": UNKNOWN}).status == 400
    assert member.act(server, "rescue", {"rescue_image_ref": "no-uuid"}).status == 400
    assert member.server(server)["status"] == "ACTIVE"


def test_a_rescue_that_fails_leaves_the_server_as_it_was(cloud: Cloud, member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    with cloud.failing("rescue", 2):
        assert member.act(server, "rescue").status == 200
        seen = member.settled(server, "ACTIVE")
    assert seen["OS-EXT-STS:power_state"] == 1


def test_a_password_is_changed_in_the_guest(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())["id"]
    assert member.act(server, "changePassword", {"adminPass": "another"}).status == 202
    assert cloud.hypervisor(cloud.host_of(admin, server)).password_of(server) == "another"
    [event] = member.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][:1]
    assert event["action"] == "changePassword"
    assert member.act(server, "changePassword", {}).status == 400


def test_a_guest_dumps_its_memory_when_told_to(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    assert member.act(server, "trigger_crash_dump").status == 202
    output = member.act(server, "os-getConsoleOutput", {}).body["output"]
    assert "NMI received: dumping memory." in output
    assert (
        member.call("POST", f"/servers/{server}/action", {"trigger_crash_dump": None}, "2.16").status == 404
    )


def test_a_server_without_bound_processors_has_no_nodes(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    reply = member.get(f"/servers/{server}/topology")
    assert (reply.status, reply.body) == (200, {"nodes": [], "pagesize_kb": None})
    assert member.call("GET", f"/servers/{server}/topology", version="2.77").status == 404
