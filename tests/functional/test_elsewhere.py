"""What the image and the network service keep, asked for through compute as older clients do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.functional.caller import Caller, wait_for
from tests.functional.test_server_life import boot

OLD = "2.35"
Order = Callable[..., dict[str, Any]]
GROUPS, RULES = "/os-security-groups", "/os-security-group-rules"


def test_a_snapshot_is_an_image_of_its_server(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    made = member.act(server, "createImage", {"name": "elsewhere", "metadata": {"mine": "yes"}}, "2.45")
    path = f"/images/{made.body['image_id']}"
    wait_for(lambda: member.get(path, OLD).body["image"]["status"] == "ACTIVE", 60)
    shown = member.get(path, OLD).body["image"]
    assert (shown["server"]["id"], shown["metadata"]["mine"], shown["progress"]) == (server, "yes", 100)
    listed = member.get(f"/images?server=http://any/servers/{server}", OLD).body["images"]
    assert [one["id"] for one in listed] == [shown["id"]]
    assert member.get("/images?name=no-such-name", OLD).body["images"] == []
    whole = member.get("/images/detail?type=snapshot&status=ACTIVE&limit=1", OLD).body
    assert len(whole["images"]) == 1
    assert "marker=" in whole["images_links"][0]["href"]
    assert member.delete(path, OLD).status == 204
    assert member.get(path, OLD).status == 404
    assert member.get(path, "2.36").status == 404


def test_an_images_metadata_is_changed(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    made = member.act(server, "createImage", {"name": "elsewhere"}, "2.45").body["image_id"]
    path = f"/images/{made}/metadata"
    wait_for(lambda: member.get(f"/images/{made}", OLD).body["image"]["status"] == "ACTIVE", 60)
    merged = member.post(path, {"metadata": {"a.b": "1", "c": "2"}}, OLD).body["metadata"]
    assert merged.items() >= {"a.b": "1", "c": "2", "instance_uuid": server}.items()
    assert member.put(path, {"metadata": {"c": "3"}}, OLD).body == {"metadata": {"c": "3"}}
    assert member.put(f"{path}/d", {"meta": {"d": "4"}}, OLD).body == {"meta": {"d": "4"}}
    assert member.put(f"{path}/d", {"meta": {"e": "4"}}, OLD).status == 400
    assert member.put(path, {"metadata": {"status": "active"}}, OLD).status == 400
    assert member.delete(f"{path}/d", OLD).status == 204
    assert member.delete(f"{path}/d", OLD).status == 404
    assert member.get(path, OLD).body == {"metadata": {"c": "3"}}
    assert member.get(f"{path}/c", OLD).body == {"meta": {"c": "3"}}
    too_many = {"metadata": {f"key{number}": "v" for number in range(200)}}
    assert member.post(path, too_many, OLD).status == 403
    assert member.delete(f"/images/{made}", OLD).status == 204


def group(member: Caller, name: str) -> str:
    new = {"security_group": {"name": name, "description": "what for"}}
    made = member.post(GROUPS, new, OLD).body["security_group"]
    assert (made["name"], made["description"], made["rules"]) == (name, "what for", [])
    return str(made["id"])


def test_a_groups_name_is_taken_as_it_is(member: Caller) -> None:
    assert member.delete(f"{GROUPS}/{group(member, ' blanks around ')}", OLD).status == 202


def test_groups_and_rules_are_kept_by_the_network_service(member: Caller) -> None:
    one, other = group(member, "one"), group(member, "other")
    new = {"parent_group_id": one, "ip_protocol": "tcp", "from_port": "22", "to_port": 23}
    rule = member.post(RULES, {"security_group_rule": new}, OLD).body["security_group_rule"]
    assert (rule["from_port"], rule["to_port"], rule["ip_range"]) == (22, 23, {"cidr": "0.0.0.0/0"})
    assert member.post(RULES, {"security_group_rule": new}, OLD).status == 400
    named = {**new, "group_id": other}
    of_group = member.post(RULES, {"security_group_rule": named}, OLD).body["security_group_rule"]
    assert (of_group["group"]["name"], of_group["ip_range"]) == ("other", {})
    pings = {
        "parent_group_id": one,
        "ip_protocol": "ICMP",
        "from_port": -1,
        "to_port": -1,
        "cidr": "fd00::9/8",
    }
    ping = member.post(RULES, {"security_group_rule": pings}, OLD).body["security_group_rule"]
    assert (ping["from_port"], ping["ip_range"]) == (-1, {"cidr": "fd00::9/8"})
    assert member.delete(f"{RULES}/{ping['id']}", OLD).status == 202
    change = {"security_group": {"name": "third", "description": ""}}
    changed = member.put(f"{GROUPS}/{one}", change, OLD).body["security_group"]
    assert (changed["name"], len(changed["rules"])) == ("third", 2)
    assert member.delete(f"{GROUPS}/{other}", OLD).status == 202
    assert [r["id"] for r in member.get(f"{GROUPS}/{one}", OLD).body["security_group"]["rules"]] == [
        rule["id"]
    ]
    assert member.delete(f"{GROUPS}/{one}", OLD).status == 202
    assert member.get(f"{GROUPS}/{one}", OLD).status == 404
    assert member.get(f"{GROUPS}/nothing", OLD).status == 400


def test_rules_that_make_no_sense_are_refused(member: Caller) -> None:
    made = group(member, "refusing")
    good = {"parent_group_id": made, "ip_protocol": "udp", "from_port": 1, "to_port": 2}
    for bad in (
        {"parent_group_id": "x"}, {"ip_protocol": "sctp2"}, {"from_port": 0}, {"to_port": 65536},
        {"from_port": 3}, {"from_port": None}, {"from_port": "x"}, {"cidr": "10.0.0.0/33"}, {"group_id": "x"},
    ):  # fmt: skip
        assert member.post(RULES, {"security_group_rule": {**good, **bad}}, OLD).status == 400, bad
    default = next(g for g in member.get(GROUPS, OLD).body["security_groups"] if g["name"] == "default")
    assert member.delete(f"{GROUPS}/{default['id']}", OLD).status == 400
    assert member.delete(f"{GROUPS}/{made}", OLD).status == 202


def test_a_servers_groups_change(member: Caller, order: Order) -> None:
    server, made = boot(member, order())["id"], group(member, "joined")
    path = f"/servers/{server}/os-security-groups"
    assert [g["name"] for g in member.get(path).body["security_groups"]] == ["default"]
    assert member.act(server, "addSecurityGroup", {"name": "joined"}).status == 202
    assert {g["name"] for g in member.get(path).body["security_groups"]} == {"default", "joined"}
    shown = member.server(server)["security_groups"]
    assert {g["name"] for g in shown} == {"default", "joined"}
    assert member.delete(f"{GROUPS}/{made}", OLD).status == 400
    for name in ("default", made):
        assert member.act(server, "removeSecurityGroup", {"name": name}).status == 202
    assert member.act(server, "removeSecurityGroup", {"name": "joined"}).status == 404
    assert member.get(path).body["security_groups"] == []
    assert "security_groups" not in member.server(server)
    assert member.delete(f"{GROUPS}/{made}", OLD).status == 202


def test_a_floating_address_leads_to_a_server_and_away(member: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    taken = member.post("/os-floating-ips", {"pool": "public"}, OLD).body["floating_ip"]
    assert (taken["pool"], taken["fixed_ip"], taken["instance_id"]) == ("public", None, None)
    address = {"address": taken["ip"]}
    away = member.act(server, "removeFloatingIp", address, "2.43")
    assert away.status == 409
    bad = {**address, "fixed_address": "192.0.2.9"}
    assert member.act(server, "addFloatingIp", bad, "2.43").status == 400
    assert member.act(server, "addFloatingIp", address, "2.43").status == 202
    path = f"/os-floating-ips/{taken['id']}"
    assert member.get(path, OLD).body["floating_ip"]["instance_id"] == server
    assert member.act(server, "removeFloatingIp", address, "2.43").status == 202
    assert member.get(path, OLD).body["floating_ip"]["instance_id"] is None
    assert member.delete(path, OLD).status == 202
    assert member.get(path, OLD).status == 404


def test_networks_are_listed_by_name(member: Caller) -> None:
    for path in ("/os-networks", "/os-tenant-networks"):
        found = {one["label"]: one["id"] for one in member.get(path, OLD).body["networks"]}
        assert "private" in found
        assert member.get(f"{path}/{found['private']}", OLD).body["network"]["label"] == "private"
    assert {"name": "public"} in member.get("/os-floating-ip-pools", OLD).body["floating_ip_pools"]


def test_a_host_shows_what_is_used_of_it(member: Caller, admin: Caller, order: Order) -> None:
    server = boot(member, order())["id"]
    host = admin.server(server)["OS-EXT-SRV-ATTR:host"]
    parts = [one["resource"] for one in admin.get(f"/os-hosts/{host}", "2.42").body["host"]]
    assert [part["project"] for part in parts[:3]] == ["(total)", "(used_now)", "(used_max)"]
    own = next(part for part in parts if part["project"] == admin.server(server)["tenant_id"])
    assert 0 < own["memory_mb"] <= parts[2]["memory_mb"]
    listed = admin.get("/os-hosts?zone=nova", "2.42").body["hosts"]
    assert {"host_name": host, "service": "compute", "zone": "nova"} in listed
    assert admin.get("/os-hosts/nowhere", "2.42").status == 404
    assert admin.put(f"/os-hosts/{host}", {}, "2.42").status == 400


def test_an_audit_of_a_bad_time_is_refused(admin: Caller) -> None:
    assert admin.get("/os-instance_usage_audit_log/yesterday").status == 400
    log = admin.get("/os-instance_usage_audit_log").body["instance_usage_audit_logs"]
    assert log["num_hosts"] == log["num_hosts_done"] + log["num_hosts_not_run"]
