"""Interfaces come to real guests, and leave them, as their owner asks for it."""

from __future__ import annotations

import pytest

from proving.hosts.compute import ComputeHost
from tests.functional.caller import wait_for
from tests.integration.guests.conftest import Boot
from tests.integration.guests.owner import SECONDS, Owner

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def macs(host: ComputeHost, server: str, *which: str) -> list[str]:
    """Return the interfaces of a guest as it runs, or with `--inactive` as it is defined."""
    words = host.host.run("virsh", "domiflist", server, *which).split()
    return [word for word in words if word.startswith("fa:16:3e")]


def attached(owner: Owner, server: str, **wanted: str) -> dict[str, str]:
    """Give a server an interface, and return its port and what it is known by."""
    reply = owner.caller.post(f"/servers/{server}/os-interface", {"interfaceAttachment": wanted})
    assert reply.status == 200, reply
    made = reply.body["interfaceAttachment"]
    return {
        "port": made["port_id"],
        "mac": made["mac_addr"],
        "address": made["fixed_ips"][0]["ip_address"],
    }


def test_an_interface_comes_to_a_guest_and_leaves_it(owner: Owner, boot: Boot) -> None:
    server = boot("november")
    owner.told(server, "ready")
    host, path = owner.host(server), f"/servers/{server}/os-interface"
    (first,) = macs(host, server)
    made = attached(owner, server, net_id=owner.network, tag="second")
    assert owner.told(server, rf"link eth1 {made['mac']} (\S+)/")[1] == made["address"]
    assert made["mac"] in owner.ssh(server, "ip link show eth1")
    assert macs(host, server) == macs(host, server, "--inactive") == [first, made["mac"]]
    assert owner.caller.delete(f"{path}/{made['port']}").status == 202
    owner.told(server, "gone eth1")
    wait_for(lambda: made["port"] not in owner.cloud.site.network.ports, SECONDS)
    wait_for(lambda: len(owner.caller.server(server)["addresses"]["private"]) == 1, SECONDS)
    assert macs(host, server) == macs(host, server, "--inactive") == [first]
    assert "eth1" not in owner.ssh(server, "ls /sys/class/net")


def test_an_interface_comes_to_a_guest_that_is_off_and_its_port_is_deleted(owner: Owner, boot: Boot) -> None:
    server = boot("oscar")
    owner.act(server, "os-stop", None, "SHUTOFF")
    network = owner.cloud.site.network
    port = network.add_port(owner.network, str(owner.caller.server(server)["tenant_id"]))
    made = attached(owner, server, port_id=port)
    host = owner.host(server)
    assert macs(host, server, "--inactive")[1:] == [made["mac"]]
    before = len(owner.console(server))
    owner.act(server, "os-start", None, "ACTIVE")
    assert owner.told(server, rf"link eth1 {made['mac']} (\S+)/", after=before)[1] == made["address"]
    network.plane.delete_port(port)
    event = {"name": "network-vif-deleted", "server_uuid": server, "tag": port, "status": "completed"}
    assert owner.caller.post("/os-server-external-events", {"events": [event]}).status == 200
    owner.told(server, "gone eth1", after=before)
    wait_for(lambda: len(macs(host, server, "--inactive")) == 1, SECONDS)
