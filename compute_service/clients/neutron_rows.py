"""Resources of the network service as records: the form in which our client reads them and the in-memory
service keeps them. `msgspec.to_builtins` of a row is its HTTP body.

Source: Networking API reference, version 2.0.
"""

from __future__ import annotations

from typing import Any, Literal

from compute_service.domain.record import Record


class Row(Record):
    """What every resource has. `id` and `project_id` are set when a row is stored."""

    id: str = ""
    project_id: str = ""
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    created_at: str | None = None
    updated_at: str | None = None
    revision_number: int = 1


class NetworkRow(Row, rename={"external": "router:external"}):
    """A network."""

    admin_state_up: bool = True
    status: str = "ACTIVE"
    shared: bool = False
    external: bool = False
    subnets: tuple[str, ...] = ()
    mtu: int = 1450
    port_security_enabled: bool = True
    is_default: bool = False
    availability_zone_hints: tuple[str, ...] = ()
    availability_zones: tuple[str, ...] = ("nova",)


class AllocationPool(Record):
    """A range of addresses, both ends included."""

    start: str
    end: str


class SubnetRow(Row):
    """A range of addresses of a network."""

    network_id: str
    cidr: str
    ip_version: Literal[4, 6] = 4
    gateway_ip: str | None = None
    allocation_pools: tuple[AllocationPool, ...] = ()
    enable_dhcp: bool = True
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[dict[str, str], ...] = ()
    ipv6_address_mode: str | None = None
    ipv6_ra_mode: str | None = None
    subnetpool_id: str | None = None
    advanced_service_providers: tuple[str, ...] = ()
    """Providers, of metadata for one, that serve it (an extension of some network backends)."""


class Address(Record):
    """A port's fixed address. In a request either part may be left empty."""

    subnet_id: str = ""
    ip_address: str = ""


class PortRow(
    Row,
    rename={
        "host": "binding:host_id",
        "vif_type": "binding:vif_type",
        "vif_details": "binding:vif_details",
        "vnic_type": "binding:vnic_type",
        "profile": "binding:profile",
    },
):
    """A port."""

    network_id: str
    mac_address: str = ""
    admin_state_up: bool = True
    status: str = "DOWN"
    device_id: str = ""
    device_owner: str = ""
    fixed_ips: tuple[Address, ...] = ()
    security_groups: tuple[str, ...] = ()
    allowed_address_pairs: tuple[dict[str, str], ...] = ()
    extra_dhcp_opts: tuple[dict[str, Any], ...] = ()
    port_security_enabled: bool = True
    dns_name: str = ""
    host: str = ""
    vif_type: str = "unbound"
    vif_details: dict[str, Any] = {}
    vnic_type: str = "normal"
    profile: dict[str, Any] = {}


class BindingRow(Record):
    """How a port is bound to one host. A port has one that is active, and others while its guest moves."""

    host: str
    vif_type: str = "unbound"
    vif_details: dict[str, Any] = {}
    vnic_type: str = "normal"
    profile: dict[str, Any] = {}
    status: str = "INACTIVE"


class SecurityGroupRow(Row):
    """A security group; its rules stand apart."""

    stateful: bool = True
    shared: bool = False


class SecurityGroupRuleRow(Row):
    """A rule of a security group."""

    security_group_id: str
    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6"] = "IPv4"
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    remote_address_group_id: str | None = None


class FloatingIpRow(Row):
    """A floating address."""

    floating_network_id: str
    floating_ip_address: str = ""
    fixed_ip_address: str | None = None
    port_id: str | None = None
    router_id: str | None = None
    status: str = "DOWN"


class RouterRow(Row):
    """A router."""

    admin_state_up: bool = True
    status: str = "ACTIVE"
    external_gateway_info: dict[str, Any] | None = None
    routes: tuple[dict[str, str], ...] = ()
    distributed: bool = False
    ha: bool = False
    availability_zone_hints: tuple[str, ...] = ()
    availability_zones: tuple[str, ...] = ("nova",)
