"""Servers over HTTP with everything behind them: what is seen of a server that really runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]
ATTRIBUTE = "OS-EXT-SRV-ATTR:"


def boot(
    caller: Caller, body: dict[str, Any], status: str = "ACTIVE", version: str = "2.104"
) -> dict[str, Any]:
    reply = caller.post("/servers", body, version)
    assert reply.status == 202, reply
    return caller.settled(reply.body["server"]["id"], status)


@pytest.fixture(scope="module")
def server(cloud: Cloud) -> dict[str, Any]:
    """A server that runs and that no test of this module changes."""
    body = {
        "server": {
            "name": "seen",
            "imageRef": cloud.image,
            "flavorRef": cloud.small_flavor,
            "networks": [{"uuid": cloud.private_network}],
            "metadata": {"role": "db"},
            "tags": ["blue"],
            "description": "to be looked at",
        }
    }
    return boot(cloud.caller("demo"), body)


@pytest.mark.parametrize("version", ["2.1", "2.3", "2.46", "2.47", "2.75", "2.96", "2.104"])
def test_a_running_server_is_shown_at_every_version(
    cloud: Cloud, member: Caller, server: dict[str, Any], version: str
) -> None:
    seen = member.server(server["id"], version)
    assert (seen["status"], seen["name"], seen["metadata"]) == ("ACTIVE", "seen", {"role": "db"})
    assert (seen["OS-EXT-STS:power_state"], seen["OS-EXT-STS:vm_state"]) == (1, "active")
    assert seen["OS-EXT-AZ:availability_zone"] == "nova"
    [address] = seen["addresses"]["private"]
    assert address["OS-EXT-IPS:type"] == "fixed"
    assert seen["image"]["id"] == cloud.image
    assert ("id" in seen["flavor"]) is (version in ("2.1", "2.3", "2.46"))
    assert (f"{ATTRIBUTE}host" in seen) is False
    assert seen["OS-SRV-USG:launched_at"] is not None


def test_an_admin_sees_where_it_runs(
    cloud: Cloud, admin: Caller, member: Caller, server: dict[str, Any]
) -> None:
    seen = admin.server(server["id"])
    host = seen[f"{ATTRIBUTE}host"]
    assert host in cloud.hosts
    assert (seen["host_status"], seen[f"{ATTRIBUTE}hostname"]) == ("UP", "seen")
    assert seen["hostId"] == hashlib.sha224(f"{seen['tenant_id']}{host}".encode()).hexdigest()
    assert member.server(server["id"])["hostId"] == seen["hostId"]
    found = admin.get(f"/servers?all_tenants=1&host={host}").body["servers"]
    assert server["id"] in [one["id"] for one in found]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=^seen$", True),
        ("status=ACTIVE&name=seen", True),
        ("status=SHUTOFF&name=seen", False),
        ("tags=blue&name=seen", True),
        ("ip=^10%5C.&name=seen", True),
        ("not-tags=blue&name=seen", False),
        ("changes-since=2001-01-01T00:00:00Z&name=seen", True),
    ],
)
def test_a_running_server_is_found(member: Caller, server: dict[str, Any], query: str, found: bool) -> None:
    reply = member.get(f"/servers/detail?{query}")
    assert reply.status == 200, reply
    assert (server["id"] in [one["id"] for one in reply.body["servers"]]) is found


def test_its_addresses_stand_by_themselves(member: Caller, server: dict[str, Any]) -> None:
    [address] = member.get(f"/servers/{server['id']}/ips").body["addresses"]["private"]
    assert address == {"version": 4, "addr": server["addresses"]["private"][0]["addr"]}
    assert member.get(f"/servers/{server['id']}/ips/private").body == {"private": [address]}


def test_its_making_is_in_the_log(member: Caller, admin: Caller, server: dict[str, Any]) -> None:
    url = f"/servers/{server['id']}/os-instance-actions"
    [action] = member.get(url).body["instanceActions"]
    assert (action["action"], action["message"]) == ("create", None)
    shown = member.get(f"{url}/{action['request_id']}").body["instanceAction"]
    assert shown["events"]
    assert {event["result"] for event in shown["events"]} == {"Success"}
    assert all("traceback" not in event for event in shown["events"])
    seen = admin.get(f"{url}/{action['request_id']}").body["instanceAction"]
    assert server["hostId"] in {event["hostId"] for event in seen["events"]}
    assert {event["host"] for event in seen["events"]} - {None}


def test_its_console_and_counters_are_asked_of_the_host(
    member: Caller, admin: Caller, server: dict[str, Any]
) -> None:
    reply = member.act(server["id"], "os-getConsoleOutput", {"length": 5})
    assert (reply.status, isinstance(reply.body["output"], str)) == (200, True)
    url = f"/servers/{server['id']}/diagnostics"
    assert member.get(url).status == 403
    counters = admin.get(url, "2.48").body
    assert (counters["state"], counters["num_cpus"]) == ("running", 1)
    assert admin.get(url, "2.47").status == 200


def test_a_foreign_project_in_the_address_is_refused(
    cloud: Cloud, member: Caller, server: dict[str, Any]
) -> None:
    project = server["tenant_id"]
    own = member.get(f"/{project}/servers/{server['id']}")
    assert own.body["server"]["links"][0]["href"].endswith(f"/v2.1/{project}/servers/{server['id']}")
    reply = member.get(f"/{'0' * 32}/servers/{server['id']}")
    assert reply.status == 400
    assert reply.message.startswith("Malformed request URL")


def test_a_bad_token_is_refused(cloud: Cloud, server: dict[str, Any]) -> None:
    nobody = Caller(cloud.url, "no-such-token")
    assert nobody.get(f"/servers/{server['id']}").status == 401
    assert nobody.get("/").body["version"]["id"] == "v2.1"


def test_metadata_and_tags_are_changed_while_it_runs(member: Caller, order: Order) -> None:
    uuid = boot(member, order())["id"]
    assert member.post(f"/servers/{uuid}/metadata", {"metadata": {"a": "b"}}).status == 200
    assert member.put(f"/servers/{uuid}/tags", {"tags": ["x"]}).status == 200
    seen = member.server(uuid)
    assert (seen["metadata"], seen["tags"]) == ({"a": "b"}, ["x"])
    assert member.delete(f"/servers/{uuid}").status == 204


def test_an_update_holds(member: Caller, order: Order) -> None:
    uuid = boot(member, order())["id"]
    reply = member.put(f"/servers/{uuid}", {"server": {"name": "new", "description": None}})
    assert (reply.status, reply.body["server"]["name"]) == (200, "new")
    assert [one["id"] for one in member.get("/servers?name=^new$").body["servers"]] == [uuid]
    assert member.delete(f"/servers/{uuid}").status == 204


def test_a_rebuild_changes_what_was_asked(cloud: Cloud, member: Caller, order: Order) -> None:
    uuid = boot(member, order())["id"]
    body = {"imageRef": cloud.image, "name": "anew", "metadata": {"new": "1"}}
    reply = member.act(uuid, "rebuild", body)
    assert (reply.status, reply.body["server"]["status"]) == (202, "REBUILD")
    assert reply.body["server"]["adminPass"]
    seen = member.settled(uuid, "ACTIVE")
    assert (seen["name"], seen["metadata"]) == ("anew", {"new": "1"})
    assert member.delete(f"/servers/{uuid}").status == 204


def test_a_resize_is_seen_and_confirmed(cloud: Cloud, member: Caller, order: Order) -> None:
    uuid = boot(member, order())["id"]
    assert member.act(uuid, "resize", {"flavorRef": cloud.bigger_flavor}).status == 202
    seen = member.settled(uuid, "VERIFY_RESIZE")
    assert seen["flavor"]["vcpus"] == 2
    assert member.act(uuid, "confirmResize").status == 204
    wait_for(lambda: member.server(uuid)["status"] == "ACTIVE")
    names = [
        one["action"] for one in member.get(f"/servers/{uuid}/os-instance-actions").body["instanceActions"]
    ]
    assert names == ["confirmResize", "resize", "create"]
    assert member.delete(f"/servers/{uuid}").status == 204


def test_an_image_is_made(cloud: Cloud, member: Caller, order: Order) -> None:
    uuid = boot(member, order())["id"]
    reply = member.act(uuid, "createImage", {"name": "shot", "metadata": {"why": "test"}})
    image = reply.body["image_id"]
    wait_for(lambda: cloud.image_status(image) == "active")
    assert cloud.images.show(image).properties["why"] == "test"
    member.settled(uuid, "ACTIVE")
    assert member.delete(f"/servers/{uuid}").status == 204


def test_a_server_that_found_no_host_tells_why(
    cloud: Cloud, member: Caller, admin: Caller, order: Order
) -> None:
    seen = boot(member, order(flavorRef=cloud.huge_flavor), "ERROR")
    assert seen["fault"]["message"].startswith("No valid host was found")
    assert seen["hostId"] == ""
    url = f"/servers/{seen['id']}/os-instance-actions"
    [action] = member.get(url).body["instanceActions"]
    assert (action["action"], action["message"]) == ("create", "Error")
    assert member.act(seen["id"], "os-start").status == 409
    assert member.delete(f"/servers/{seen['id']}").status == 204
    member.gone(seen["id"])


def test_a_deleted_server_is_kept_for_those_who_ask(member: Caller, admin: Caller, order: Order) -> None:
    uuid = boot(member, order(name="shortlived"))["id"]
    assert member.delete(f"/servers/{uuid}").status == 204
    member.gone(uuid)
    assert member.get("/servers?name=shortlived").body["servers"] == []
    [kept] = admin.get("/servers/detail?deleted=true&all_tenants=1&name=shortlived").body["servers"]
    assert (kept["id"], kept["status"], kept["OS-EXT-STS:vm_state"]) == (uuid, "DELETED", "deleted")
    changed = member.get("/servers/detail?changes-since=2001-01-01T00:00:00Z&name=shortlived").body["servers"]
    assert [one["status"] for one in changed] == ["DELETED"]
    log = f"/servers/{uuid}/os-instance-actions"
    assert [one["action"] for one in member.get(log).body["instanceActions"]] == ["delete", "create"]
    assert member.get(log, "2.20").status == 404


def test_a_lock_holds_until_it_is_undone(
    member: Caller, manager: Caller, admin: Caller, order: Order
) -> None:
    uuid = boot(member, order())["id"]
    assert member.act(uuid, "lock", {"locked_reason": "mine"}).status == 202
    seen = member.server(uuid)
    assert (seen["locked"], seen["locked_reason"]) == (True, "mine")
    assert manager.act(uuid, "os-stop").message == f"Instance {uuid} is locked"
    assert uuid in [one["id"] for one in member.get("/servers?locked=true").body["servers"]]
    assert manager.act(uuid, "unlock").status == 202
    assert member.server(uuid)["locked"] is False
    assert member.delete(f"/servers/{uuid}").status == 204


def test_a_reader_only_looks(reader: Caller, server: dict[str, Any], order: Order) -> None:
    assert reader.get(f"/servers/{server['id']}").status == 200
    for reply in (
        reader.post("/servers", order()),
        reader.put(f"/servers/{server['id']}", {"server": {"name": "x"}}),
        reader.delete(f"/servers/{server['id']}"),
        reader.act(server["id"], "os-stop"),
        reader.post(f"/servers/{server['id']}/metadata", {"metadata": {}}),
    ):
        assert (reply.status, "Policy doesn't allow" in reply.message) == (403, True)


def test_a_manager_moves_and_a_member_does_not(
    cloud: Cloud, member: Caller, manager: Caller, admin: Caller, order: Order
) -> None:
    uuid = boot(member, order())["id"]
    before = cloud.host_of(admin, uuid)
    assert member.act(uuid, "migrate").status == 403
    assert manager.act(uuid, "migrate").status == 202
    member.settled(uuid, "VERIFY_RESIZE")
    assert cloud.host_of(admin, uuid) != before
    assert member.act(uuid, "revertResize").status == 202
    member.settled(uuid, "ACTIVE")
    assert cloud.host_of(admin, uuid) == before
    target = cloud.others(before)[0]
    assert manager.act(uuid, "migrate", {"host": target}).status == 403
    assert admin.act(uuid, "migrate", {"host": target}).status == 202
    member.settled(uuid, "VERIFY_RESIZE")
    assert cloud.host_of(admin, uuid) == target
    assert member.delete(f"/servers/{uuid}").status == 204


def test_a_list_is_walked_page_by_page(member: Caller, order: Order) -> None:
    reply = member.post("/servers", order(name="paged", min_count=5, max_count=5, return_reservation_id=True))
    reservation = reply.body["reservation_id"]
    base = f"/servers/detail?reservation_id={reservation}&limit=2&sort_key=display_name&sort_dir=asc"
    seen: list[str] = []
    path: str | None = base
    while path is not None:
        page = member.get(path).body
        seen += [one["name"] for one in page["servers"]]
        links = page.get("servers_links")
        path = links[0]["href"].split("/v2.1", 1)[1] if links else None
    assert seen == [f"paged-{number}" for number in range(1, 6)]
    for one in member.get(f"/servers?reservation_id={reservation}").body["servers"]:
        assert member.delete(f"/servers/{one['id']}").status == 204


def test_the_v2_address_serves_the_same_servers(cloud: Cloud, member: Caller, server: dict[str, Any]) -> None:
    old = Caller(member.url.replace("/v2.1", "/v2"), member.token)
    reply = old.get(f"/servers/{server['id']}", None)
    assert (reply.status, reply.body["server"]["name"]) == (200, "seen")
    assert reply.headers.get("OpenStack-API-Version") is None
