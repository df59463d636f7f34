from __future__ import annotations

import base64
import dataclasses
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.flavor import Flavor
from compute_service.domain.group import ServerGroup
from compute_service.domain.image import Image
from compute_service.domain.keypair import Keypair
from compute_service.store.flavors import flavor_insert
from compute_service.store.flows import flows_of_instance
from compute_service.store.groups import group_insert
from compute_service.store.instances import instance_get
from compute_service.store.keypairs import keypair_insert
from tests.fixtures.records import new_uuid
from tests.unit.api.world import World, make_world, numbered
from tests.unit.api.wsgi import OWN, Caller, Reply

IMAGE = "70a599e0-31e7-49b7-b260-868f441e862b"
NETWORK = numbered(0)
GROUP = "5f0c7a5e-4c2a-4b57-9d7e-0d0c5b8b7f11"


def furnish(world: World) -> World:
    world.images.add(Image(id=IMAGE, name="cirros", properties={"os_type": "linux"}))
    assert world.network.add_network("private", project_id=OWN) == NETWORK
    with world.store.api.write() as tx:
        flavor_insert(tx, Flavor(flavorid="1", name="tiny", vcpus=1, memory_mb=512, root_gb=1))
        flavor_insert(tx, Flavor(flavorid="0", name="diskless", vcpus=1, memory_mb=512, root_gb=0))
        keypair_insert(tx, Keypair(user_id="alice", name="mine", public_key="ssh-rsa A", fingerprint="f"))
        group_insert(
            tx, ServerGroup(uuid=GROUP, project_id=OWN, user_id="alice", name="g", policy="affinity")
        )
    return world


@pytest.fixture
def world(world: World) -> World:
    return furnish(world)


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


def order(**fields: Any) -> dict[str, Any]:
    server = {"name": "web", "flavorRef": "1", "imageRef": IMAGE, "networks": "none", **fields}
    return {"server": {key: value for key, value in server.items() if value is not ...}}


def make(caller: Caller, version: str | None = None, **fields: Any) -> Reply:
    return caller.post("/servers", order(**fields), version)


def made(world: World, caller: Caller, version: str | None = None, **fields: Any) -> Any:
    """Create a server and return its record."""
    reply = make(caller, version, **fields)
    assert reply.status == 202, reply
    with world.store.api.read() as tx:
        return instance_get(tx, reply.body["server"]["id"])


def test_a_server_is_accepted(world: World, member: Caller) -> None:
    reply = make(member)
    server = reply.body["server"]
    assert reply.status == 202
    assert server.keys() == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    assert reply.header("Location") == [f"http://127.0.0.1:8774/v2.1/servers/{server['id']}"]
    assert (server["security_groups"], server["OS-DCF:diskConfig"]) == ([{"name": "default"}], "MANUAL")
    assert len(server["adminPass"]) == 12
    with world.store.api.read() as tx:
        [flow] = flows_of_instance(tx, server["id"])
    assert flow.request_id == reply.header("x-openstack-request-id")[0]
    assert len(world.bell.rung) == 1
    shown = member.get(f"/servers/{server['id']}").body["server"]
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("BUILD", "scheduling")


def test_the_password_may_be_kept_back() -> None:
    api = dataclasses.replace(Settings().api, enable_instance_password=False)
    world = furnish(make_world(dataclasses.replace(Settings(), api=api)))
    assert "adminPass" not in make(world.caller()).body["server"]
    world.store.close()


def test_a_password_may_be_given(member: Caller) -> None:
    assert make(member, adminPass="hush").body["server"]["adminPass"] == "hush"


def test_everything_ordered_reaches_the_record(world: World, member: Caller) -> None:
    data = base64.b64encode(b"#!/bin/sh").decode()
    body = order(
        metadata={"role": "db"},
        tags=["blue", "blue", "green"],
        description="what for",
        key_name="mine",
        user_data=data,
        config_drive="true",
        accessIPv4="10.0.0.1",
        accessIPv6="fd00::1",
        hostname="db.example.org",
        trusted_image_certificates=["c1"],
        networks=[{"uuid": NETWORK, "tag": "front"}],
        **{"OS-DCF:diskConfig": "AUTO"},
    )
    body["OS-SCH-HNT:scheduler_hints"] = {"group": GROUP, "own": 1}
    reply = member.post("/servers", body)
    assert reply.status == 202, reply
    with world.store.api.read() as tx:
        server = instance_get(tx, reply.body["server"]["id"])
    assert server is not None
    kept = {
        "metadata": {"role": "db"},
        "tags": ("blue", "green"),
        "display_description": "what for",
        "key_name": "mine",
        "user_data": data,
        "config_drive": True,
        "access_ip_v4": "10.0.0.1",
        "access_ip_v6": "fd00::1",
        "hostname": "db.example.org",
        "trusted_certs": ("c1",),
        "auto_disk_config": True,
        "scheduler_hints": {"group": GROUP, "own": 1},
        "group_uuid": GROUP,
    }
    assert {name: getattr(server, name) for name in kept} == kept
    [network] = server.requested_networks.networks
    assert (network.network_id, network.tag) == (NETWORK, "front")


def test_several_servers_are_made_by_one_request(world: World, member: Caller) -> None:
    reply = make(member, min_count="2", max_count=3, return_reservation_id="True")
    reservation = reply.body["reservation_id"]
    assert reply.body == {"reservation_id": reservation}
    found = member.get(f"/servers?reservation_id={reservation}").body["servers"]
    assert sorted(server["name"] for server in found) == ["web-1", "web-2", "web-3"]


def test_a_least_number_alone_is_the_most_too(member: Caller) -> None:
    make(member, min_count=2)
    assert len(member.get("/servers").body["servers"]) == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "too short"),
        ({"name": " web"}, "An invalid 'name' value was provided"),
        ({"flavorRef": ""}, "flavorRef"),
        ({"flavorRef": "9"}, "Flavor 9 could not be found."),
        ({"imageRef": "x"}, "imageRef"),
        ({"imageRef": new_uuid()}, "Can not find requested image"),
        ({"imageRef": ""}, "Invalid imageRef provided."),
        ({"imageRef": ...}, "Invalid imageRef provided."),
        ({"key_name": "none"}, "Invalid key_name provided."),
        ({"min_count": 2, "max_count": 1}, "min_count must be <= max_count"),
        ({"min_count": 0}, "less than the minimum of 1"),
        ({"min_count": ""}, "does not match"),
        ({"max_count": 2, "hostname": "web"}, "hostname"),
        ({"user_data": "*"}, "is not a 'base64'"),
        ({"user_data": "A" * 65_536}, "too long"),
        ({"metadata": {"a": 1}}, "is not of type 'string'"),
        ({"metadata": {"a": "x" * 256}}, "too long"),
        ({"metadata": {"a/b": "x"}}, "Additional properties"),
        ({"tags": ["a,b"]}, "does not match"),
        ({"tags": [str(n) for n in range(51)]}, "too long"),
        ({"accessIPv4": "fd00::1"}, "is not a 'ipv4'"),
        ({"config_drive": "perhaps"}, "is not one of"),
        ({"availability_zone": "nowhere"}, "not available"),
        ({"OS-DCF:diskConfig": "auto"}, "is not one of"),
        ({"networks": "some"}, "is not valid under any of the given schemas"),
        ({"networks": [{"uuid": "x"}]}, "is not valid under any of the given schemas"),
        ({"networks": [{}]}, "network uuid is not in proper format"),
        ({"networks": [{"uuid": NETWORK, "fixed_ip": "x"}]}, "is not valid under any"),
        ({"networks": [{"port": new_uuid(), "fixed_ip": "10.0.0.1"}]}, "cannot be used with port"),
        ({"networks": [{"uuid": NETWORK, "fixed_ip": "10.0.0.1"}], "max_count": 2}, "fixed_ip"),
        ({"security_groups": [{"name": "other"}], "networks": [{"uuid": NETWORK}]}, "other"),
        ({"block_device_mapping_v2": [{"source_type": "tape"}]}, "is not one of"),
        ({"block_device_mapping_v2": [{"boot_index": 0}]}, "source_type"),
        ({"block_device_mapping": [{}]}, "volume_id"),
        (
            {
                "block_device_mapping": [{"volume_id": IMAGE}],
                "block_device_mapping_v2": [{"source_type": "blank"}],
            },
            "syntaxes",
        ),
        ({"hostname": "-x"}, "hostname"),
        ({"trusted_image_certificates": []}, "too short"),
        ({"trusted_image_certificates": ["a", "a"]}, "non-unique"),
        ({"more": 1}, "Additional properties"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(world: World, admin: Caller, fields: dict[str, Any], words: str) -> None:
    version = "2.93" if fields.get("hostname") == "-x" else None
    reply = make(admin, version, **fields)
    assert reply.status == 400, reply
    assert words in reply.message
    assert world.bell.rung == []
    assert admin.get("/servers").body["servers"] == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"server": 1}', b'{"servers": {}}', b"{"])
def test_a_body_that_is_no_order_is_refused(member: Caller, body: bytes) -> None:
    assert member.call("POST", "/v2.1/servers", body).status == 400


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"description": "d"}, 19, None),
        ({"networks": [{"uuid": NETWORK, "tag": "t"}]}, 32, 36),
        ({"networks": [{"uuid": NETWORK, "tag": "t"}]}, 42, None),
        ({"block_device_mapping_v2": [{"source_type": "image", "uuid": IMAGE, "boot_index": 0, "tag": "t"}],
          "networks": []}, 32, 32),
        ({"block_device_mapping_v2": [{"source_type": "image", "uuid": IMAGE, "boot_index": 0, "tag": "t"}],
          "networks": []}, 42, None),
        ({"networks": "none"}, 37, None),
        ({"tags": ["t"], "networks": []}, 52, None),
        ({"personality": [{"path": "/a", "contents": "aGk="}], "networks": []}, 1, 56),
        ({"trusted_image_certificates": ["c"], "networks": []}, 63, None),
        ({"trusted_image_certificates": None, "networks": []}, 63, None),
        ({"block_device_mapping_v2": [{"source_type": "image", "uuid": IMAGE, "boot_index": 0,
                                       "volume_type": "fast"}], "networks": []}, 67, None),
        ({"hostname": "web", "networks": []}, 90, None),
        ({"hostname": "web.example.org", "networks": []}, 94, None),
    ],
)  # fmt: skip
def test_a_field_is_taken_in_its_versions(
    member: Caller, fields: dict[str, Any], first: int, last: int | None
) -> None:
    def status(minor: int) -> int:
        given = {"networks": [{"uuid": NETWORK}] if minor < 37 else "none", **fields}
        return make(member, f"2.{minor}", **given).status

    assert status(first) == 202
    if first > 1:
        assert status(first - 1) == 400
    if last is not None:
        assert status(last) == 202
        assert status(last + 1) == 400


@pytest.mark.parametrize(("version", "status"), [("2.36", 202), ("2.37", 400)])
def test_networks_have_to_be_chosen_from_2_37_on(member: Caller, version: str, status: int) -> None:
    reply = make(member, version, networks=...)
    assert reply.status == status
    if status == 400:
        assert "'networks' is a required property" in reply.message


def test_a_network_that_is_no_uuid_is_told_before_2_37(member: Caller) -> None:
    reply = make(member, "2.36", networks=[{"uuid": "x"}])
    assert (reply.status, reply.message) == (
        400,
        "Bad networks format: network uuid is not in proper format (x)",
    )


@pytest.mark.parametrize(("version", "description"), [("2.18", "web"), ("2.19", None)])
def test_the_description_was_the_name(
    world: World, member: Caller, version: str, description: str | None
) -> None:
    server = made(world, member, version, networks=[{"uuid": NETWORK}])
    assert server.display_description == description


@pytest.mark.parametrize(("key", "status"), [("host", 400), ("hypervisor_hostname", 400)])
def test_a_host_may_be_wished_from_2_74_on(admin: Caller, key: str, status: int) -> None:
    reply = make(admin, "2.73", **{key: "h1"})
    assert "Additional properties are not allowed" in reply.message
    reply = make(admin, "2.74", **{key: "h1"})
    assert (reply.status, "h1 could not be found" in reply.message) == (status, True)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"availability_zone": "nova:host1"}, "os_compute_api:servers:create:forced_host"),
        ({"availability_zone": "nova:host1:node1"}, "os_compute_api:servers:create:forced_host"),
        ({"host": "host1"}, "compute:servers:create:requested_destination"),
        ({"hypervisor_hostname": "node1"}, "compute:servers:create:requested_destination"),
    ],
)
def test_naming_a_host_is_for_admins(member: Caller, fields: dict[str, Any], rule: str) -> None:
    reply = make(member, **fields)
    assert (reply.status, reply.message) == (403, f"Policy doesn't allow {rule} to be performed.")


def test_a_host_is_named_one_way_only(admin: Caller) -> None:
    reply = make(admin, availability_zone="nova:host1", host="host1")
    assert reply.status == 400
    assert "availability_zone" in reply.message


def test_a_flavor_without_a_disk_is_for_admins(member: Caller, admin: Caller) -> None:
    reply = make(member, flavorRef="0")
    assert reply.status == 403
    assert "zero disk" in reply.message
    assert make(admin, flavorRef="0").status == 202


def test_quota_is_a_403(world: World, member: Caller) -> None:
    reply = make(member, min_count=11)
    assert reply.status == 403
    assert reply.message.startswith("Quota exceeded for ")


def test_a_reader_creates_nothing(world: World) -> None:
    reply = make(world.caller(role="reader"))
    assert reply.message == "Policy doesn't allow os_compute_api:servers:create to be performed."


@pytest.mark.parametrize(
    "hints",
    [{"group": "x"}, {"different_host": ["x"]}, {"cidr": "24"}, {"build_near_host_ip": "x"}, [], "x"],
)
def test_known_hints_are_checked(member: Caller, hints: Any) -> None:
    body = {**order(), "os:scheduler_hints": hints}
    assert member.post("/servers", body).status == 400


def test_the_v2_api_is_lenient(world: World, member: Caller) -> None:
    body = order(networks=[{"uuid": NETWORK}], unknown=1, tags=["x"])
    body["more"] = 1
    reply = member.call("POST", "/v2/servers", body)
    assert reply.status == 202, reply
    assert reply.body["server"]["links"][0]["href"].startswith("http://127.0.0.1:8774/v2/servers/")


def test_addresses_are_kept_in_their_short_form(member: Caller) -> None:
    made = make(member, accessIPv6="0000:0000:0000:0000:0000:BABE:220.12.22.2")
    assert made.status == 202
    shown = member.get(f"/servers/{made.body['server']['id']}").body["server"]
    assert shown["accessIPv6"] == "::babe:dc0c:1602"
