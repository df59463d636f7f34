from __future__ import annotations

from typing import Any

from compute_service.domain.metadata.network import network_data
from compute_service.domain.vif import FixedIp
from tests.unit.domain.metadata.facts import DUAL, PLAIN, STATIC, V4, V6, a_vif


def entries(*vifs: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = network_data(vifs)["networks"]
    return found


def test_a_server_without_interfaces_has_empty_lists() -> None:
    assert network_data(()) == {"links": [], "networks": [], "services": []}


def test_links_carry_what_identifies_an_interface() -> None:
    assert network_data([DUAL, PLAIN])["links"] == [
        {
            "id": "tap11111111-aa",
            "vif_id": "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
            "type": "ovs",
            "mtu": 1450,
            "ethernet_mac_address": "fa:16:3e:00:00:01",
        },
        {
            "id": "tap21111111-aa",
            "vif_id": "21111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
            "type": "ovs",
            "mtu": 9000,
            "ethernet_mac_address": "fa:16:3e:00:00:02",
        },
    ]


def test_a_passed_through_card_is_a_physical_link() -> None:
    assert network_data([a_vif(vif_type="hw_veb")])["links"][0]["type"] == "phy"


def test_networks_are_numbered_over_all_interfaces() -> None:
    found = entries(DUAL, PLAIN)
    assert [(n["id"], n["type"], n["link"][:4]) for n in found] == [
        ("network0", "ipv4_dhcp", "tap1"),
        ("network1", "ipv6_slaac", "tap1"),
        ("network2", "ipv4", "tap2"),
    ]


def test_an_address_without_dhcp_is_told_with_mask_and_routes() -> None:
    assert entries(PLAIN) == [
        {
            "id": "network0",
            "type": "ipv4",
            "link": "tap21111111-aa",
            "network_id": "22222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb",
            "ip_address": "192.0.2.70",
            "netmask": "255.255.255.192",
            "routes": [
                {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "192.0.2.65"},  # noqa: S104
                {"network": "172.16.0.0", "netmask": "255.240.0.0", "gateway": "192.0.2.66"},
            ],
            "services": [{"type": "dns", "address": "9.9.9.9"}],
        }
    ]


def test_ipv6_addresses_carry_their_mode_and_route() -> None:
    slaac = entries(DUAL)[1]
    assert slaac["netmask"] == "ffff:ffff:ffff:ffff::"
    assert slaac["routes"] == [{"network": "::", "netmask": "::", "gateway": "2001:db8::1"}]
    left_to_others = entries(
        a_vif(fixed_ips=(FixedIp(address="2001:db8:1::7", version=6, subnet_id="v6"),), subnets=(V6,))
    )
    assert left_to_others[0]["type"] == "ipv6"
    assert left_to_others[0]["routes"] == []


def test_two_leased_addresses_of_a_subnet_are_one_network_and_two_fixed_ones_two() -> None:
    two = (FixedIp(address="10.0.0.5", subnet_id="v4"), FixedIp(address="10.0.0.6", subnet_id="v4"))
    assert len(entries(a_vif(fixed_ips=two, subnets=(V4,)))) == 1
    fixed = tuple(ip.replace(subnet_id="static") for ip in two)
    assert len(entries(a_vif(fixed_ips=fixed, subnets=(STATIC,)))) == 2


def test_a_subnet_that_is_not_known_is_asked_by_dhcp() -> None:
    assert (
        entries(a_vif(fixed_ips=(FixedIp(address="10.0.0.5", subnet_id="gone"),)))[0]["type"] == "ipv4_dhcp"
    )


def test_name_servers_are_told_once() -> None:
    assert network_data([DUAL, PLAIN])["services"] == [
        {"type": "dns", "address": "9.9.9.9"},
        {"type": "dns", "address": "1.1.1.1"},
    ]
