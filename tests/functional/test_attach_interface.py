"""Interfaces that servers are given and that are taken from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from compute_service.clients.neutron_rows import PortRow
from tests.functional.caller import LATEST, Caller, Reply, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]
UNKNOWN = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def server(member: Caller, order: Order) -> str:
    """A server with one interface."""
    reply = member.post("/servers", order())
    assert reply.status == 202, reply
    return str(member.settled(reply.body["server"]["id"], "ACTIVE", 60)["id"])


def attach(caller: Caller, server: str, version: str = LATEST, **wanted: Any) -> Reply:
    return caller.post(f"/servers/{server}/os-interface", {"interfaceAttachment": wanted}, version)


def attached(caller: Caller, server: str, **wanted: Any) -> dict[str, Any]:
    reply = attach(caller, server, **wanted)
    assert reply.status == 200, reply
    return dict(reply.body["interfaceAttachment"])


def detach(caller: Caller, server: str, port: str) -> Reply:
    return caller.delete(f"/servers/{server}/os-interface/{port}")


def listed(caller: Caller, server: str) -> list[dict[str, Any]]:
    return list(caller.get(f"/servers/{server}/os-interface").body["interfaceAttachments"])


def ports_of(caller: Caller, server: str) -> list[str]:
    return [one["port_id"] for one in listed(caller, server)]


def macs_of(cloud: Cloud, admin: Caller, server: str) -> list[str]:
    """Return the addresses of the interfaces that the guest has."""
    nics = cloud.hypervisor(cloud.host_of(admin, server)).diagnostics(server).nics
    return [str(nic.mac_address) for nic in nics]


def users_port(cloud: Cloud, **fields: Any) -> str:
    return cloud.network.add_port(cloud.private_network, cloud.member_project, **fields)


def nothing_left(cloud: Cloud, member: Caller, server: str) -> None:
    """Delete a server and see that nothing is left of it."""
    assert member.delete(f"/servers/{server}").status == 204
    member.gone(server, 60)
    wait_for(lambda: not cloud.traces_of(server), 60, lambda: str(cloud.traces_of(server)))


def test_a_server_is_given_an_interface_on_a_network(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    made = attached(member, server, net_id=cloud.private_network, tag="second")
    (address,) = made["fixed_ips"]
    port: PortRow = cloud.network.ports[made["port_id"]]
    assert made == {
        "port_state": "ACTIVE",
        "fixed_ips": [{"ip_address": port.fixed_ips[0].ip_address, "subnet_id": port.fixed_ips[0].subnet_id}],
        "mac_addr": port.mac_address,
        "net_id": cloud.private_network,
        "port_id": port.id,
        "tag": "second",
    }
    assert (port.device_id, port.host, port.project_id) == (
        server,
        cloud.host_of(admin, server),
        cloud.member_project,
    )
    first, second = listed(member, server)
    assert second == made
    assert member.get(f"/servers/{server}/os-interface/{port.id}").body == {"interfaceAttachment": made}
    shown = member.server(server)["addresses"]["private"]
    assert [one["addr"] for one in shown] == [first["fixed_ips"][0]["ip_address"], address["ip_address"]]
    assert macs_of(cloud, admin, server) == [first["mac_addr"], made["mac_addr"]]
    nothing_left(cloud, member, server)
    assert made["port_id"] not in cloud.network.ports


def test_an_interface_has_the_address_asked_for(cloud: Cloud, member: Caller, server: str) -> None:
    free = attached(member, server, net_id=cloud.private_network)
    address = free["fixed_ips"][0]["ip_address"]
    taken = attach(member, server, net_id=cloud.private_network, fixed_ips=[{"ip_address": address}])
    assert taken.status == 409
    assert address in taken.message
    assert detach(member, server, free["port_id"]).status == 202
    wait_for(lambda: free["port_id"] not in cloud.network.ports, 60)
    made = attached(member, server, net_id=cloud.private_network, fixed_ips=[{"ip_address": address}])
    assert [one["ip_address"] for one in made["fixed_ips"]] == [address]


def test_tags_come_and_are_shown_with_their_versions(cloud: Cloud, member: Caller, server: str) -> None:
    network = cloud.private_network
    assert attach(member, server, "2.48", net_id=network, tag="one").status == 400
    early = attach(member, server, "2.49", net_id=network, tag="one")
    assert early.status == 200
    assert "tag" not in early.body["interfaceAttachment"]
    late = attach(member, server, "2.70", net_id=network, tag="two")
    assert late.body["interfaceAttachment"]["tag"] == "two"
    assert attached(member, server, net_id=network)["tag"] is None
    assert [one["tag"] for one in listed(member, server)] == [None, "one", "two", None]


def test_a_users_port_is_taken_and_given_back(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    port = users_port(cloud)
    made = attached(member, server, port_id=port)
    assert made["port_id"] == port
    assert cloud.network.ports[port].device_id == server
    assert macs_of(cloud, admin, server)[1:] == [made["mac_addr"]]
    reply = detach(member, server, port)
    assert (reply.status, reply.body) == (202, None)
    wait_for(lambda: cloud.network.ports[port].device_id == "", 60)
    assert cloud.network.ports[port].host == ""
    wait_for(lambda: len(member.server(server)["addresses"]["private"]) == 1, 60)
    assert made["mac_addr"] not in macs_of(cloud, admin, server)
    again = attached(member, server, port_id=port)
    assert again["mac_addr"] == made["mac_addr"]
    nothing_left(cloud, member, server)
    assert cloud.network.ports[port].device_id == ""
    cloud.network.plane.delete_port(port)


def test_a_port_that_was_made_for_a_server_goes_when_it_is_detached(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    (first,) = ports_of(member, server)
    assert detach(member, server, first).status == 202
    wait_for(lambda: first not in cloud.network.ports, 60)
    wait_for(lambda: member.server(server)["addresses"] == {}, 60)
    assert macs_of(cloud, admin, server) == []
    assert listed(member, server) == []
    assert detach(member, server, first).status == 404


def test_without_a_name_it_is_the_projects_only_network(cloud: Cloud) -> None:
    lone = cloud.newcomer("lone", "lone", "member", "reader")
    network = cloud.private_network
    image, flavor = cloud.image, cloud.small_flavor
    body = {"name": "lone", "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}]}
    server = lone.post("/servers", {"server": body}).body["server"]["id"]
    lone.settled(server, "ACTIVE", 60)
    reply = lone.post(f"/servers/{server}/os-interface", {"interfaceAttachment": {}})
    assert (reply.status, reply.body["interfaceAttachment"]["net_id"]) == (200, network)
    assert lone.post(f"/servers/{server}/os-interface", {}).status == 200
    other = cloud.network.add_network("other", "10.99.0.0/24", cloud.project_id("lone"))
    refused = lone.post(f"/servers/{server}/os-interface", {})
    assert refused.status == 400
    assert "Several networks" in refused.message
    named = attached(lone, server, net_id=other)
    assert set(lone.server(server)["addresses"]) == {"private", "other"}
    assert named["net_id"] == other
    nothing_left(cloud, lone, server)
    cloud.network.plane.delete_network(other)


@pytest.mark.parametrize(
    "wanted",
    [
        {"net_id": UNKNOWN, "port_id": UNKNOWN},
        {"fixed_ips": [{"ip_address": "10.0.0.9"}]},
        {"port_id": UNKNOWN, "fixed_ips": [{"ip_address": "10.0.0.9"}]},
        {"net_id": "nonsense"},
        {"port_id": "nonsense"},
        {"net_id": UNKNOWN, "fixed_ips": []},
        {"net_id": UNKNOWN, "fixed_ips": [{}]},
        {"net_id": UNKNOWN, "fixed_ips": [{"ip_address": "nonsense"}]},
        {"net_id": UNKNOWN, "fixed_ips": [{"ip_address": "10.0.0.9"}, {"ip_address": "10.0.0.10"}]},
        {"net_id": UNKNOWN, "tag": "a,b"},
        {"net_id": UNKNOWN, "tag": ""},
        {"net_id": UNKNOWN, "nonsense": True},
        {"net_id": None},
    ],
)
def test_a_body_that_is_wrong_is_refused(member: Caller, server: str, wanted: dict[str, Any]) -> None:
    reply = attach(member, server, **wanted)
    assert reply.status == 400, reply
    assert len(listed(member, server)) == 1


def test_what_is_not_there_or_not_free_is_refused(cloud: Cloud, member: Caller, server: str) -> None:
    others = cloud.network.add_network("theirs", "10.98.0.0/24", cloud.project_id("elsewhere"))
    theirs = cloud.network.add_port(others, cloud.project_id("elsewhere"))
    used = users_port(cloud, device_id="someone")
    assert attach(member, server, net_id=UNKNOWN).status == 404
    assert attach(member, server, net_id=others).status == 404
    assert attach(member, server, port_id=UNKNOWN).status == 404
    assert attach(member, server, port_id=theirs).status == 404
    assert attach(member, server, port_id=used).status == 409
    (own,) = ports_of(member, server)
    assert attach(member, server, port_id=own).status == 409
    outside = attach(member, server, net_id=cloud.private_network, fixed_ips=[{"ip_address": "192.0.2.1"}])
    assert outside.status == 400
    assert ports_of(member, server) == [own]
    assert attach(member, server, net_id=cloud.external_network).status == 403
    for port in (used, theirs):
        cloud.network.plane.delete_port(port)
    cloud.network.plane.delete_network(others)


def test_another_projects_port_is_not_for_the_server_whoever_asks(
    cloud: Cloud, admin: Caller, server: str
) -> None:
    others = cloud.network.add_network("theirs", "10.97.0.0/24", cloud.project_id("elsewhere"))
    theirs = cloud.network.add_port(others, cloud.project_id("elsewhere"))
    assert attach(admin, server, port_id=theirs).status == 400
    cloud.network.plane.delete_port(theirs)
    cloud.network.plane.delete_network(others)


@contextmanager
def ports_at_most(cloud: Cloud, limit: int) -> Iterator[None]:
    cloud.network.tables.quotas[cloud.member_project] = {"port": limit}
    try:
        yield
    finally:
        cloud.network.tables.quotas.pop(cloud.member_project, None)


def test_the_quota_of_ports_is_kept(cloud: Cloud, member: Caller, server: str) -> None:
    port = users_port(cloud)
    with ports_at_most(cloud, 1):
        refused = attach(member, server, net_id=cloud.private_network)
        assert refused.status == 403
        attached(member, server, port_id=port)
    assert len(listed(member, server)) == 2


def test_a_locked_server_keeps_its_interfaces(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    (own,) = ports_of(member, server)
    assert member.act(server, "lock").status == 202
    assert attach(member, server, net_id=cloud.private_network).status == 409
    assert detach(member, server, own).status == 409
    made = attached(admin, server, net_id=cloud.private_network)
    assert detach(admin, server, made["port_id"]).status == 202
    wait_for(lambda: ports_of(member, server) == [own], 60)


@pytest.mark.parametrize(("action", "status", "allowed"), [
    ("os-stop", "SHUTOFF", True), ("pause", "PAUSED", True), ("suspend", "SUSPENDED", False),
    ("rescue", "RESCUE", False), ("shelve", "SHELVED_OFFLOADED", False),
])  # fmt: skip
def test_the_servers_state_lets_interfaces_come_and_go_or_not(
    cloud: Cloud, member: Caller, server: str, action: str, status: str, allowed: bool
) -> None:
    (own,) = ports_of(member, server)
    assert member.act(server, action).status in (200, 202)
    member.settled(server, status, 60)
    reply = attach(member, server, net_id=cloud.private_network)
    assert reply.status == (200 if allowed else 409), reply
    assert detach(member, server, own).status == (202 if allowed else 409)
    if not allowed:
        assert "attach_interface" in reply.message
        return
    made = reply.body["interfaceAttachment"]["port_id"]
    wait_for(lambda: ports_of(member, server) == [made], 60)
    assert member.server(server)["status"] == status


def test_a_server_of_others_or_of_nobody_is_not_found(cloud: Cloud, member: Caller, server: str) -> None:
    stranger = cloud.newcomer("stranger", "elsewhere", "member", "reader")
    assert attach(stranger, server, net_id=cloud.private_network).status == 404
    assert detach(stranger, server, ports_of(member, server)[0]).status == 404
    assert attach(member, UNKNOWN, net_id=cloud.private_network).status == 404
    assert detach(member, server, UNKNOWN).status == 404
    assert detach(member, server, "nonsense").status == 404


def test_an_interface_that_the_host_cannot_attach_leaves_nothing(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    before = set(cloud.network.ports)
    port = users_port(cloud)
    for wanted in ({"net_id": cloud.private_network}, {"port_id": port}):
        with cloud.failing("attach_nic", 2):
            reply = attach(member, server, **wanted)
        assert reply.status == 500
        assert server in reply.message
        assert len(member.server(server)["addresses"]["private"]) == 1
        assert len(macs_of(cloud, admin, server)) == 1
    assert set(cloud.network.ports) - before == {port}
    assert cloud.network.ports[port].device_id == ""
    log = member.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert [(one["action"], one["message"]) for one in log[:2]] == [("attach_interface", "Error")] * 2
    attached(member, server, port_id=port)


def test_a_port_that_cannot_be_bound_is_withdrawn(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    before, host = set(cloud.network.ports), cloud.host_of(admin, server)
    cloud.network.plane.rejecting_hosts.add(host)
    try:
        assert attach(member, server, net_id=cloud.private_network).status == 500
    finally:
        cloud.network.plane.rejecting_hosts.discard(host)
    assert set(cloud.network.ports) == before


def test_an_interface_that_the_guest_keeps_stays(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    (own,) = listed(member, server)
    with cloud.failing("detach_nic", 1):
        assert detach(member, server, own["port_id"]).status == 202
        wait_for(lambda: last_action(member, server) == ("detach_interface", "Error"), 60)
    assert listed(member, server) == [own]
    assert macs_of(cloud, admin, server) == [own["mac_addr"]]
    assert detach(member, server, own["port_id"]).status == 202
    wait_for(lambda: listed(member, server) == [], 60)


def last_action(caller: Caller, server: str) -> tuple[str, str | None]:
    newest = caller.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][0]
    return newest["action"], newest["message"]


def test_what_was_done_is_told_among_the_servers_actions(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    made = attached(member, server, net_id=cloud.private_network)
    assert detach(member, server, made["port_id"]).status == 202
    wait_for(lambda: made["port_id"] not in cloud.network.ports, 60)
    log = admin.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    seen = {}
    for one in log:
        path = f"/servers/{server}/os-instance-actions/{one['request_id']}"
        wait_for(lambda path=path: all(e["finish_time"] for e in events_at(admin, path)), 60)  # type: ignore[misc]
        seen[one["action"]] = [(e["event"], e["result"]) for e in events_at(admin, path)]
    assert seen["attach_interface"] == [("compute_attach_interface", "Success")]
    assert seen["detach_interface"] == [("compute_detach_interface", "Success")]


def events_at(caller: Caller, path: str) -> list[dict[str, Any]]:
    return list(caller.get(path).body["instanceAction"]["events"])


def tell(caller: Caller, server: str, name: str, tag: str) -> int:
    event = {"name": name, "server_uuid": server, "tag": tag, "status": "completed"}
    return caller.post("/os-server-external-events", {"events": [event]}).status


def test_a_port_that_its_owner_deletes_leaves_the_guest(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    (own,) = listed(member, server)
    port = users_port(cloud)
    attached(member, server, port_id=port)
    cloud.network.plane.delete_port(port)
    assert tell(admin, server, "network-vif-deleted", port) == 200
    wait_for(lambda: len(member.server(server)["addresses"]["private"]) == 1, 60)
    assert macs_of(cloud, admin, server) == [own["mac_addr"]]
    assert listed(member, server) == [own]
    assert tell(admin, server, "network-vif-deleted", port) == 200
    assert last_action(member, server)[0] == "attach_interface"


def test_tags_and_order_outlive_news_of_the_network(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    for tag in ("b", "a"):
        attached(member, server, net_id=cloud.private_network, tag=tag)
    before = listed(member, server)
    assert tell(admin, server, "network-changed", "") == 200
    assert listed(member, server) == before
    assert [one["tag"] for one in before] == [None, "b", "a"]


def test_one_of_two_requests_for_a_port_gets_it(cloud: Cloud, member: Caller, server: str) -> None:
    port = users_port(cloud)
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: attach(member, server, port_id=port).status, range(2)))
    assert sorted(replies) == [200, 409]
    assert ports_of(member, server)[1:] == [port]


def test_several_interfaces_at_once_are_all_attached(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: attach(member, server, net_id=cloud.private_network), range(4)))
    # A request that finds the row changed twice under it is told so, and may ask again.
    good = [reply.body["interfaceAttachment"] for reply in made if reply.status == 200]
    assert {reply.status for reply in made} <= {200, 409}
    assert good
    seen = listed(member, server)
    assert {one["port_id"] for one in good} == {one["port_id"] for one in seen[1:]}
    assert sorted(macs_of(cloud, admin, server)) == sorted(one["mac_addr"] for one in seen)
    nothing_left(cloud, member, server)


def test_a_server_deleted_while_an_interface_is_attached_leaves_nothing(
    cloud: Cloud, member: Caller, server: str
) -> None:
    port = users_port(cloud)
    with cloud.slow("attach_nic", 1.0), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(attach, member, server, port_id=port)
        wait_for(lambda: cloud.network.ports[port].device_id == server, 60)
        nothing_left(cloud, member, server)
        assert waiting.result(60).status in (200, 404, 500)
    assert cloud.network.ports[port].device_id == ""
    cloud.network.plane.delete_port(port)


def test_an_added_interface_moves_with_the_server(
    cloud: Cloud, member: Caller, admin: Caller, server: str
) -> None:
    mine = users_port(cloud)
    made = attached(member, server, net_id=cloud.private_network)
    attached(member, server, port_id=mine)
    macs = [one["mac_addr"] for one in listed(member, server)]
    assert member.act(server, "shelve").status == 202
    member.settled(server, "SHELVED_OFFLOADED", 60)
    assert {cloud.network.ports[port].host for port in (mine, made["port_id"])} == {""}
    assert member.act(server, "unshelve").status == 202
    member.settled(server, "ACTIVE", 60)
    assert macs_of(cloud, admin, server) == macs
    source = cloud.host_of(admin, server)
    with cloud.down(admin, source):
        assert admin.act(server, "evacuate", {}).status == 200
        wait_for(lambda: cloud.host_of(admin, server) != source, 60)
        admin.idle(server, 60)
    target = cloud.host_of(admin, server)
    assert {cloud.network.ports[port].host for port in ports_of(member, server)} == {target}
    assert len(ports_of(member, server)) == 3
    nothing_left(cloud, member, server)
    assert cloud.network.ports[mine].device_id == ""
    assert made["port_id"] not in cloud.network.ports
    cloud.network.plane.delete_port(mine)
