"""`network_data.json`: links, networks and services, as cloud-init and others read them.

Source: the schema network_data.json of the Compute documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Any

from compute_service.domain.vif import FixedIp, Subnet, Vif

_PHYSICAL = frozenset({"hw_veb", "hostdev_physical", "unbound", "binding_failed"})
"""Types of ports that a guest had better take for a plain network card."""
_ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def network_data(vifs: Iterable[Vif]) -> dict[str, Any]:
    """Return the document for a server's interfaces, in their order."""
    vifs = tuple(vifs)
    networks = [entry for vif in vifs for entry in _networks(vif)]
    return {
        "links": [_link(vif) for vif in vifs],
        "networks": [{"id": f"network{number}", **entry} for number, entry in enumerate(networks)],
        "services": _services(subnet for vif in vifs for subnet in vif.subnets),
    }


def _link_id(vif: Vif) -> str:
    return f"tap{vif.port_id[:11]}"


def _link(vif: Vif) -> dict[str, Any]:
    return {
        "id": _link_id(vif),
        "vif_id": vif.port_id,
        "type": "phy" if vif.vif_type in _PHYSICAL else vif.vif_type,
        "mtu": vif.mtu,
        "ethernet_mac_address": vif.mac,
    }


def _networks(vif: Vif) -> Iterator[dict[str, Any]]:
    """Yield an entry for each subnet with DHCP, and for each address elsewhere."""
    subnets = {subnet.id: subnet for subnet in vif.subnets}
    leased: set[str] = set()
    for ip in vif.fixed_ips:
        subnet = subnets.get(ip.subnet_id or "")
        common = {"link": _link_id(vif), "network_id": vif.network_id}
        if subnet is None or (subnet.version == 4 and subnet.dhcp):
            if (ip.subnet_id or "") not in leased:
                leased.add(ip.subnet_id or "")
                yield {"type": f"ipv{ip.version}_dhcp", **common}
        else:
            yield common | _fixed(ip, subnet)


def _fixed(ip: FixedIp, subnet: Subnet) -> dict[str, Any]:
    mode = f"_{subnet.address_mode}" if subnet.address_mode else ""
    return {
        "type": f"ipv{subnet.version}{mode}",
        "ip_address": ip.address,
        "netmask": str(ip_network(subnet.cidr, strict=False).netmask),
        "routes": list(_routes(subnet)),
        "services": _services((subnet,)),
    }


def _routes(subnet: Subnet) -> Iterator[dict[str, str]]:
    if subnet.gateway is not None:
        yield _route(_ANYWHERE[subnet.version], subnet.gateway)
    for route in subnet.routes:
        yield _route(route.destination, route.nexthop)


def _route(destination: str, gateway: str) -> dict[str, str]:
    network = ip_network(destination, strict=False)
    return {"network": str(network.network_address), "netmask": str(network.netmask), "gateway": gateway}


def _services(subnets: Iterable[Subnet]) -> list[dict[str, str]]:
    servers = dict.fromkeys(address for subnet in subnets for address in subnet.dns)
    return [{"type": "dns", "address": address} for address in servers]
