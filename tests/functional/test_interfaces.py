"""A server's interfaces, as they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.functional.caller import Caller
from tests.functional.cloud import Cloud
from tests.functional.test_server_life import boot

Order = Callable[..., dict[str, Any]]


def test_interfaces_are_listed_with_their_tags_in_order(cloud: Cloud, member: Caller, order: Order) -> None:
    networks = [{"uuid": cloud.private_network, "tag": tag} for tag in ("first", "second")]
    server = boot(member, order(networks=networks))
    seen = member.get(f"/servers/{server['id']}/os-interface").body["interfaceAttachments"]
    assert [(one["tag"], one["net_id"], one["port_state"]) for one in seen] == [
        ("first", cloud.private_network, "ACTIVE"),
        ("second", cloud.private_network, "ACTIVE"),
    ]
    addresses = member.server(server["id"])["addresses"]["private"]
    assert [one["fixed_ips"][0]["ip_address"] for one in seen] == [one["addr"] for one in addresses]
    assert [one["mac_addr"] for one in seen] == [one["OS-EXT-IPS-MAC:mac_addr"] for one in addresses]


def test_an_interface_is_shown_as_it_is_listed(member: Caller, order: Order) -> None:
    path = f"/servers/{boot(member, order())['id']}/os-interface"
    [one] = member.get(path).body["interfaceAttachments"]
    assert member.get(f"{path}/{one['port_id']}").body == {"interfaceAttachment": one}
    old = member.get(f"{path}/{one['port_id']}", "2.69").body["interfaceAttachment"]
    assert old == {name: value for name, value in one.items() if name != "tag"}


def test_a_port_of_another_server_is_not_shown(member: Caller, order: Order) -> None:
    mine, other = (f"/servers/{boot(member, order())['id']}/os-interface" for _ in range(2))
    [one] = member.get(other).body["interfaceAttachments"]
    assert member.get(f"{mine}/{one['port_id']}").status == 404


def test_a_server_without_networks_has_no_interfaces(member: Caller, order: Order) -> None:
    server = boot(member, order(networks="none"))["id"]
    assert member.get(f"/servers/{server}/os-interface").body == {"interfaceAttachments": []}
