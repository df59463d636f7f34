"""Flavors and key pairs over HTTP, and what they mean to servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.functional.caller import Caller
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]


def test_a_server_takes_a_copy_of_its_flavor(admin: Caller, member: Caller, order: Order) -> None:
    flavor = {"name": "passing", "ram": 64, "vcpus": 1, "disk": 1}
    made = admin.post("/flavors", {"flavor": flavor}).body["flavor"]
    specs = {"extra_specs": {"aggregate_instance_extra_specs:own": "1"}}
    assert member.get(f"/flavors/{made['id']}").body["flavor"]["name"] == "passing"
    reply = member.post("/servers", order(flavorRef=made["id"]))
    uuid = reply.body["server"]["id"]
    member.settled(uuid, "ACTIVE")
    assert admin.post(f"/flavors/{made['id']}/os-extra_specs", specs).status == 200
    assert admin.delete(f"/flavors/{made['id']}").status == 202
    seen = member.server(uuid)["flavor"]
    assert (seen["original_name"], seen["extra_specs"]) == ("passing", {})
    assert member.post("/servers", order(flavorRef=made["id"])).status == 400
    assert member.delete(f"/servers/{uuid}").status == 204


def test_a_private_flavor_is_for_those_it_is_shared_with(
    cloud: Cloud, admin: Caller, member: Caller, order: Order
) -> None:
    flavor = {"name": "own", "ram": 64, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}
    made = admin.post("/flavors", {"flavor": flavor}).body["flavor"]
    assert member.get(f"/flavors/{made['id']}").status == 404
    reply = member.post("/servers", order(flavorRef=made["id"]))
    assert (reply.status, reply.message) == (400, f"Flavor {made['id']} could not be found.")
    add = {"addTenantAccess": {"tenant": cloud.member_project}}
    assert admin.post(f"/flavors/{made['id']}/action", add).status == 200
    assert member.get(f"/flavors/{made['id']}").status == 200
    unknown = {"addTenantAccess": {"tenant": "no-such-project"}}
    assert admin.post(f"/flavors/{made['id']}/action", unknown).status == 400
    assert admin.delete(f"/flavors/{made['id']}").status == 202


def test_a_key_pair_goes_into_a_server_and_may_be_deleted_then(member: Caller, order: Order) -> None:
    made = member.post("/os-keypairs", {"keypair": {"name": "going"}}, "2.91").body["keypair"]
    reply = member.post("/servers", order(key_name="going"))
    uuid = reply.body["server"]["id"]
    assert member.settled(uuid, "ACTIVE")["key_name"] == "going"
    assert member.delete("/os-keypairs/going").status == 204
    assert member.server(uuid)["key_name"] == "going"
    assert member.post("/servers", order(key_name="going")).message == "Invalid key_name provided."
    assert made["private_key"].startswith("-----BEGIN")
    assert member.delete(f"/servers/{uuid}").status == 204


def test_the_versions_are_told_to_anybody(cloud: Cloud) -> None:
    nobody = Caller(cloud.url.rsplit("/v2.1", 1)[0], "")
    versions = nobody.get("/", None).body["versions"]
    assert [version["id"] for version in versions] == ["v2.0", "v2.1"]
    assert nobody.get("/v2.1/", "2.9999").status == 406
