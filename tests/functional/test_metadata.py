"""What guests of real servers are told: over HTTP through the network's proxy, and on their config drives."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from compute_service.metadata.signature import sign
from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import METADATA_SECRET, Cloud
from tests.functional.sampled import PUBLIC_KEY

Order = Callable[..., dict[str, Any]]
SCRIPT = b"#!/bin/sh\necho hello\n"
KEY = "for-metadata"


def ask(
    cloud: Cloud, server: str, path: str, body: bytes | None = None, project: str | None = None
) -> tuple[int, bytes]:
    """Ask as a server's guest does, by way of the network's proxy."""
    headers = {
        "X-Instance-ID": server,
        "X-Tenant-ID": project or cloud.member_project,
        "X-Instance-ID-Signature": sign(METADATA_SECRET, server),
        "X-Forwarded-For": "10.0.0.9",
    }
    request = urllib.request.Request(cloud.metadata_url + path, body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def told(cloud: Cloud, server: str, name: str) -> dict[str, Any]:
    """Return a JSON document of a server's."""
    status, body = ask(cloud, server, f"/openstack/latest/{name}")
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.fixture(scope="module")
def server(cloud: Cloud) -> dict[str, Any]:
    """A server with a key, user data, metadata, and a config drive; and the password it was given."""
    member = cloud.caller("demo")
    key = {"keypair": {"name": KEY, "type": "ssh", "public_key": PUBLIC_KEY}}
    assert member.post("/os-keypairs", key).status in (200, 201, 409)
    order = {
        "name": "told",
        "hostname": "told-host",
        "imageRef": cloud.image,
        "flavorRef": cloud.small_flavor,
        "networks": [{"uuid": cloud.private_network, "tag": "front"}, {"uuid": cloud.private_network}],
        "metadata": {"role": "web"},
        "key_name": KEY,
        "user_data": base64.b64encode(SCRIPT).decode(),
        "config_drive": True,
        "adminPass": "Ch0sen",
    }
    reply = member.post("/servers", {"server": order})
    assert reply.status == 202, reply
    return member.settled(reply.body["server"]["id"], "ACTIVE")


def test_a_guest_is_told_who_it_is(cloud: Cloud, server: dict[str, Any]) -> None:
    meta = told(cloud, server["id"], "meta_data.json")
    assert (meta["uuid"], meta["name"], meta["project_id"]) == (
        server["id"],
        "told",
        cloud.member_project,
    )
    assert meta["hostname"] == "told-host.novalocal"
    assert meta["meta"] == {"role": "web"}
    assert meta["availability_zone"] == server["OS-EXT-AZ:availability_zone"]
    assert meta["public_keys"] == {KEY: PUBLIC_KEY}
    assert [nic["tags"] for nic in meta["devices"]] == [["front"]]
    assert "admin_pass" not in meta
    assert ask(cloud, server["id"], "/openstack/latest/user_data") == (200, SCRIPT)
    assert ask(cloud, server["id"], "/latest/meta-data/public-keys/0/openssh-key") == (
        200,
        PUBLIC_KEY.encode(),
    )


def test_a_guest_is_told_of_its_network(cloud: Cloud, server: dict[str, Any]) -> None:
    network = told(cloud, server["id"], "network_data.json")
    addresses = server["addresses"]["private"]
    assert {link["ethernet_mac_address"] for link in network["links"]} == {
        each["OS-EXT-IPS-MAC:mac_addr"] for each in addresses
    }
    assert [each["type"] for each in network["networks"]] == ["ipv4_dhcp", "ipv4_dhcp"]
    first = ask(cloud, server["id"], "/latest/meta-data/local-ipv4")[1].decode()
    assert first in {each["addr"] for each in addresses}


def test_what_changes_is_told_as_soon_as_it_is_forgotten(
    cloud: Cloud, member: Caller, server: dict[str, Any]
) -> None:
    assert told(cloud, server["id"], "meta_data.json")["meta"] == {"role": "web"}
    assert member.post(f"/servers/{server['id']}/metadata", {"metadata": {"added": "late"}}).status == 200
    wait_for(lambda: "added" in told(cloud, server["id"], "meta_data.json")["meta"], 60)
    assert member.delete(f"/servers/{server['id']}/metadata/added").status == 204
    wait_for(lambda: "added" not in told(cloud, server["id"], "meta_data.json")["meta"], 60)


def test_another_project_is_told_nothing(cloud: Cloud, server: dict[str, Any]) -> None:
    assert ask(cloud, server["id"], "/openstack/latest/meta_data.json", project="another")[0] == 404


def test_a_config_drive_has_the_password_and_the_rest(cloud: Cloud, server: dict[str, Any]) -> None:
    [files] = [
        found
        for host in cloud.hypervisors.values()
        for guest in host.guests()
        if guest.uuid == server["id"]
        for found in [host.config_drive(server["id"])]
    ]
    meta = json.loads(files["openstack/latest/meta_data.json"])
    assert meta["admin_pass"] == "Ch0sen"
    same = told(cloud, server["id"], "meta_data.json")
    assert {key: meta[key] for key in same if key not in ("random_seed", "meta")} == {
        key: same[key] for key in same if key not in ("random_seed", "meta")
    }
    assert files["openstack/latest/user_data"] == SCRIPT
    assert json.loads(files["openstack/latest/network_data.json"]) == told(
        cloud, server["id"], "network_data.json"
    )
    assert server["config_drive"] == "True"


def test_a_password_goes_from_the_guest_to_its_owner(
    cloud: Cloud, member: Caller, reader: Caller, server: dict[str, Any]
) -> None:
    path = f"/servers/{server['id']}/os-server-password"
    assert member.get(path).body == {"password": ""}
    assert ask(cloud, server["id"], "/openstack/latest/password", b"c2VjcmV0")[0] == 200
    assert ask(cloud, server["id"], "/openstack/latest/password", b"other")[0] == 409
    assert reader.get(path).body == {"password": "c2VjcmV0"}
    assert reader.delete(path).status == 403
    assert member.delete(path).status == 204
    assert member.get(path).body == {"password": ""}
    assert ask(cloud, server["id"], "/openstack/latest/password") == (200, b"")
    assert member.get("/servers/no-such-server/os-server-password").status == 404


def test_a_deleted_server_is_forgotten(cloud: Cloud, member: Caller, order: Order) -> None:
    made = member.post("/servers", order()).body["server"]["id"]
    member.settled(made, "ACTIVE")
    assert told(cloud, made, "meta_data.json")["uuid"] == made
    assert member.delete(f"/servers/{made}").status == 204
    wait_for(lambda: ask(cloud, made, "/openstack/latest/meta_data.json")[0] == 404, 60)
