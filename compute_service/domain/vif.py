"""Network interfaces: what a user asked for, and what the network service gave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from compute_service.domain.record import Record


class NetworkRequest(Record):
    """One entry of a server create's `networks`: a network or a port, never both."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


class RequestedNetworks(Record):
    """What a create asked of the network: `auto` makes one, `none` gives none, `list` names them.

    `default` (only below 2.37) means the project's single network if it has just one.
    """

    mode: Literal["auto", "none", "list", "default"] = "default"
    networks: tuple[NetworkRequest, ...] = ()


class FixedIp(Record):
    """An address of a port and the floating addresses that lead to it."""

    address: str
    version: Literal[4, 6] = 4
    subnet_id: str | None = None
    floating: tuple[str, ...] = ()


class Route(Record):
    """A route of a subnet. `destination` is in CIDR form."""

    destination: str
    nexthop: str


class Subnet(Record):
    """A subnet of which a port has an address, as far as a guest must know it."""

    id: str
    cidr: str
    version: Literal[4, 6] = 4
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    dhcp: bool = True
    """Whether addresses are given out by the network itself."""
    address_mode: str | None = None
    """How IPv6 addresses come about: slaac, dhcpv6-stateful, dhcpv6-stateless, None when left to others."""


class Vif(Record):
    """A server's network interface: the port with its binding, enough for a host to plug it."""

    port_id: str
    network_id: str
    network_label: str
    mac: str
    fixed_ips: tuple[FixedIp, ...] = ()
    mtu: int | None = None
    tag: str | None = None
    vif_type: str = "unbound"
    vnic_type: str = "normal"
    details: dict[str, object] = {}
    profile: dict[str, object] = {}
    subnets: tuple[Subnet, ...] = ()
    active: bool = False
    ours: bool = True
    """The port was created for this server and goes with it."""


def with_vif(vifs: Iterable[Vif], vif: Vif) -> tuple[Vif, ...]:
    """Return interfaces with one more, last, or in the place of what was known of its port."""
    known = tuple(vifs)
    if all(one.port_id != vif.port_id for one in known):
        return (*known, vif)
    return tuple(vif if one.port_id == vif.port_id else one for one in known)


def without_vif(vifs: Iterable[Vif], port_id: str) -> tuple[Vif, ...]:
    """Return interfaces without that of a port."""
    return tuple(vif for vif in vifs if vif.port_id != port_id)
