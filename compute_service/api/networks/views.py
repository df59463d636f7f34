"""What networks and floating addresses look like in an answer. Source: Compute API reference, "Networks",
"Project Networks", "Floating IPs"."""

from __future__ import annotations

from typing import Any

from compute_service.api.shape import View
from compute_service.control.old_networks import FloatingAddress


class Label(View):
    """A network in /os-tenant-networks. Its addresses are the network service's to tell."""

    id: str
    label: str
    cidr: str = "None"


class Labels(View):
    """GET /os-tenant-networks."""

    networks: list[Label]


class LabelShown(View):
    """GET /os-tenant-networks/{id}."""

    network: Label


class NetworkView(View):
    """A network in /os-networks: nothing but its name is kept here."""

    id: str
    label: str
    bridge: None = None
    bridge_interface: None = None
    broadcast: None = None
    cidr: None = None
    cidr_v6: None = None
    created_at: None = None
    deleted: None = None
    deleted_at: None = None
    dhcp_server: None = None
    dhcp_start: None = None
    dns1: None = None
    dns2: None = None
    enable_dhcp: None = None
    gateway: None = None
    gateway_v6: None = None
    host: None = None
    injected: None = None
    mtu: None = None
    multi_host: None = None
    netmask: None = None
    netmask_v6: None = None
    priority: None = None
    project_id: None = None
    rxtx_base: None = None
    share_address: None = None
    updated_at: None = None
    vlan: None = None
    vpn_private_address: None = None
    vpn_public_address: None = None
    vpn_public_port: None = None


class Networks(View):
    """GET /os-networks."""

    networks: list[NetworkView]


class NetworkShown(View):
    """GET /os-networks/{id}."""

    network: NetworkView


class Pool(View):
    """A pool."""

    name: str


class Pools(View):
    """GET /os-floating-ip-pools."""

    floating_ip_pools: list[Pool]


class AddressView(View):
    """A floating address."""

    id: str
    ip: str
    pool: str
    fixed_ip: str | None
    instance_id: str | None


class Addresses(View):
    """GET /os-floating-ips."""

    floating_ips: list[AddressView]


class AddressShown(View):
    """One floating address."""

    floating_ip: AddressView


def label(network: dict[str, Any]) -> Label:
    """Return a network's name."""
    return Label(id=network["id"], label=network["name"])


def network(network: dict[str, Any]) -> NetworkView:
    """Return a network."""
    return NetworkView(id=network["id"], label=network["name"])


def address(found: FloatingAddress) -> AddressView:
    """Return a floating address."""
    return AddressView(
        id=found.id, ip=found.address, pool=found.pool, fixed_ip=found.fixed, instance_id=found.server
    )
