"""The life of servers, end to end: API, conductor, scheduler, agent, hypervisor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]


def boot(caller: Caller, body: dict[str, Any], status: str = "ACTIVE") -> dict[str, Any]:
    reply = caller.post("/servers", body)
    assert reply.status == 202, reply
    return caller.settled(reply.body["server"]["id"], status)


def test_a_server_boots_to_active_on_a_host(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())
    assert server["addresses"]["private"][0]["version"] == 4
    seen = admin.server(server["id"])
    assert seen["OS-EXT-SRV-ATTR:host"] in cloud.hosts
    assert seen["OS-EXT-STS:power_state"] == 1
    assert server["id"] in cloud.guests(seen["OS-EXT-SRV-ATTR:host"])
    assert cloud.allocated(server["id"]) == {"VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 1}


def test_a_deleted_server_leaves_nothing_behind(cloud: Cloud, member: Caller, order: Order) -> None:
    server = boot(member, order())
    assert member.delete(f"/servers/{server['id']}").status == 204
    member.gone(server["id"])
    # Its claim goes last.
    wait_for(lambda: not cloud.traces_of(server["id"]), told=lambda: str(cloud.traces_of(server["id"])))


def test_a_server_deleted_while_it_is_built_leaves_nothing_behind(
    cloud: Cloud, member: Caller, order: Order
) -> None:
    with cloud.slow("spawn", 0.5):
        uuid = member.post("/servers", order()).body["server"]["id"]
        wait_for(lambda: member.server(uuid)["OS-EXT-STS:task_state"] == "spawning")
        assert member.delete(f"/servers/{uuid}").status == 204
        member.gone(uuid)
    wait_for(lambda: not cloud.traces_of(uuid))


@pytest.mark.parametrize(
    ("there", "back", "between", "in_the_end"),
    [
        (("os-stop", None), ("os-start", None), "SHUTOFF", "ACTIVE"),
        (("pause", None), ("unpause", None), "PAUSED", "ACTIVE"),
        (("suspend", None), ("resume", None), "SUSPENDED", "ACTIVE"),
        (("reboot", {"type": "SOFT"}), ("reboot", {"type": "HARD"}), "ACTIVE", "ACTIVE"),
        (("rescue", None), ("unrescue", None), "RESCUE", "ACTIVE"),
    ],
)
def test_there_and_back(
    member: Caller, order: Order, there: tuple[str, Any], back: tuple[str, Any], between: str, in_the_end: str
) -> None:
    server = boot(member, order())["id"]
    assert member.act(server, *there).status in (200, 202)
    member.settled(server, between)
    assert member.act(server, *back).status == 202
    member.settled(server, in_the_end)


def test_a_resize_is_confirmed(cloud: Cloud, member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    source = cloud.host_of(admin, server)
    assert member.act(server, "resize", {"flavorRef": cloud.bigger_flavor}).status == 202
    member.settled(server, "VERIFY_RESIZE")
    assert cloud.host_of(admin, server) != source
    assert member.act(server, "confirmResize").status == 204
    seen = member.settled(server, "ACTIVE")
    assert seen["flavor"]["vcpus"] == 2
    assert server not in cloud.guests(source)
    assert cloud.allocated(server)["VCPU"] == 2
    migration = admin.get(f"/os-migrations?instance_uuid={server}").body["migrations"][0]
    assert (migration["status"], migration["source_compute"]) == ("confirmed", source)
    assert cloud.allocated(migration["uuid"]) == {}


def test_a_resize_is_reverted(cloud: Cloud, member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    source = cloud.host_of(admin, server)
    member.act(server, "resize", {"flavorRef": cloud.bigger_flavor})
    member.settled(server, "VERIFY_RESIZE")
    target = cloud.host_of(admin, server)
    assert member.act(server, "revertResize").status == 202
    assert member.settled(server, "ACTIVE")["flavor"]["vcpus"] == 1
    assert cloud.host_of(admin, server) == source
    assert server not in cloud.guests(target)
    assert cloud.allocated(server)["VCPU"] == 1


def test_a_stopped_server_stays_stopped_through_a_migration(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    server = boot(member, order())["id"]
    member.act(server, "os-stop")
    member.settled(server, "SHUTOFF")
    assert admin.act(server, "migrate").status == 202
    member.settled(server, "VERIFY_RESIZE")
    admin.act(server, "confirmResize")
    member.settled(server, "SHUTOFF")


def test_a_rebuild_changes_the_image_and_the_name(cloud: Cloud, member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    reply = member.act(server, "rebuild", {"imageRef": cloud.image, "name": "fresh", "metadata": {"a": "b"}})
    assert reply.status == 202
    seen = member.settled(server, "ACTIVE")
    assert (seen["name"], seen["metadata"]) == ("fresh", {"a": "b"})


def test_a_snapshot_becomes_an_image_that_boots(cloud: Cloud, member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    reply = member.act(server, "createImage", {"name": "snap", "metadata": {"purpose": "test"}})
    assert reply.status == 202
    image = reply.body["image_id"]
    member.settled(server, "ACTIVE")
    assert cloud.image_status(image) == "active"
    boot(member, order(imageRef=image))


def test_no_room_ends_in_error_with_a_reason(member: Caller, order: Order, cloud: Cloud) -> None:
    server = boot(member, order(flavorRef=cloud.huge_flavor), "ERROR")
    assert server["fault"]["code"] == 500
    assert server["fault"]["message"].startswith("No valid host was found.")
    assert member.delete(f"/servers/{server['id']}").status == 204
    member.gone(server["id"])


def test_a_host_that_fails_is_followed_by_another(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    with cloud.failing("spawn", times=1):
        server = boot(member, order())["id"]
    assert cloud.allocated(server) == {"VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 1}
    assert [h for h in cloud.hosts if server in cloud.guests(h)] == [cloud.host_of(admin, server)]


def test_when_every_host_fails_the_server_is_in_error_and_holds_nothing(
    cloud: Cloud, member: Caller, order: Order
) -> None:
    with cloud.failing("spawn", times=100):
        server = boot(member, order(), "ERROR")
    assert server["fault"]["message"]
    wait_for(lambda: not cloud.traces_of(server["id"], row=False))
    member.delete(f"/servers/{server['id']}")
    member.gone(server["id"])


def test_a_lock_keeps_its_owner_out_until_unlocked(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    assert member.act(server, "lock", {"locked_reason": "upgrade"}).status == 202
    refused = member.act(server, "os-stop")
    assert (refused.status, refused.message) == (409, f"Instance {server} is locked")
    assert member.server(server)["locked_reason"] == "upgrade"
    assert member.act(server, "unlock").status == 202
    assert member.act(server, "os-stop").status == 202
    member.settled(server, "SHUTOFF")


def test_actions_and_their_events_are_listed(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    member.act(server, "os-stop")
    member.settled(server, "SHUTOFF")
    actions = member.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert [a["action"] for a in actions] == ["stop", "create"]
    create = member.get(f"/servers/{server}/os-instance-actions/{actions[1]['request_id']}").body[
        "instanceAction"
    ]
    assert "compute__do_build_and_run_instance" in [e["event"] for e in create["events"]]
    assert {e["result"] for e in create["events"]} == {"Success"}


def test_an_error_server_can_be_reset_and_deleted(member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    assert admin.act(server, "os-resetState", {"state": "error"}).status == 202
    assert member.server(server)["status"] == "ERROR"
    member.delete(f"/servers/{server}")
    member.gone(server)


def test_the_console_log_is_read(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    reply = member.act(server, "os-getConsoleOutput", {"length": 5})
    assert reply.status == 200
    assert 0 < len(reply.body["output"].splitlines()) <= 5


def test_concurrent_creates_cannot_pass_the_quota(
    member: Caller, admin: Caller, order: Order, cloud: Cloud
) -> None:
    project = cloud.member_project
    used = member.get("/limits").body["limits"]["absolute"]["totalInstancesUsed"]
    limit = {"quota_set": {"instances": used + 5}}
    assert admin.put(f"/os-quota-sets/{project}", limit).status == 200
    try:
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: member.post("/servers", order()), range(12)))
    finally:
        admin.delete(f"/os-quota-sets/{project}")
    assert Counter(r.status for r in replies) == {202: 5, 403: 7}
    refused = next(r for r in replies if r.status == 403)
    assert "Quota exceeded for instances" in refused.message
