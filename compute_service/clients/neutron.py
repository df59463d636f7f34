"""The network service as compute uses it: the rules of the `Network` port over the service's API.

A port made for a server carries the server's UUID as `device_id` and a tag that names the server and the
place in its list of interfaces, or the order that it was made for later. So a repeated call finds what the
first one made, and a release knows its own ports from those that a user brought.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compute_service.clients.neutron_api import (
    AUTO_ALLOCATION,
    DNS,
    NetworkApi,
    NoAddress,
    RevisionLost,
)
from compute_service.clients.neutron_bindings import BINDING_FAILED, activated, prepared, taken_back
from compute_service.clients.neutron_resolve import resolve, resolve_one
from compute_service.clients.neutron_rows import Address, FloatingIpRow, NetworkRow, PortRow, SubnetRow
from compute_service.domain.context import Context
from compute_service.domain.errors import HostRejected, Invalid, NotFound, PortInUse
from compute_service.domain.vif import FixedIp, NetworkRequest, RequestedNetworks, Route, Subnet, Vif
from compute_service.ports.network import NetworkPlan, PortOrder, PortOwner

LOG = logging.getLogger(__name__)

DEFAULT_ZONE = "nova"
SERVERS = "compute:"
"""What the device owner of a server's port begins with, before the zone."""
_TAKES = 3
"""How often a port is read again when someone else changes it while we take it."""


def own_tag(server: str, place: int | str) -> str:
    """Return the tag of the port made for a server's interface number `place`, or for an order.

    A tag has room for 60 characters, which an order's name shares with the server's.
    """
    return f"nic-{place if isinstance(place, int) else place.replace('-', '')[-12:]}-of-{server}"


def _order_tag(order: PortOrder) -> str:
    return own_tag(order.server, order.key)


def _is_own(port: PortRow) -> bool:
    return any(tag.startswith("nic-") and tag.endswith(f"-of-{port.device_id}") for tag in port.tags)


class NeutronNetwork:
    """The `Network` port. Besides the port's errors, raises OverQuota when ports run out and HostRejected
    when a port cannot be bound on the host."""

    def __init__(self, api: NetworkApi) -> None:
        self._api = api

    def resolve(
        self, ctx: Context, requested: RequestedNetworks, security_groups: tuple[str, ...], servers: int
    ) -> NetworkPlan:
        """Check a create's networks, ports and security groups for `servers` servers."""
        return resolve(self._api, ctx, requested, security_groups, servers)

    def allocate(
        self,
        project_id: str,
        server: str,
        hostname: str,
        zone: str | None,
        plan: NetworkPlan,
        host: str,
    ) -> tuple[Vif, ...]:
        """Create or take the server's ports and bind them to `host`; repeating finds them again."""
        entries = self._entries(project_id, plan)
        if not entries:
            return ()
        owner = self._owner(server, hostname, zone, host)
        have = self._api.ports({"device_id": server})
        ports: dict[int, PortRow] = {}
        for index, entry in enumerate(entries):
            if entry.port_id is not None:
                ports[index] = self._take(entry.port_id, owner)
            elif found := [port for port in have if own_tag(server, index) in port.tags]:
                ports[index] = self._bound(found[0], host)
        missing = [index for index in range(len(entries)) if index not in ports]
        new = [_new_port(project_id, own_tag(server, i), entries[i], owner) for i in missing]
        made = self._api.create_ports([row.replace(security_groups=plan.security_groups) for row in new])
        ports.update(zip(missing, made, strict=True))
        _check_bindings(ports.values(), host)
        fresh = {port.id for port in made}
        vifs = self._vifs([ports[index] for index in range(len(entries))], fresh)
        return tuple(vif.replace(tag=entry.tag) for vif, entry in zip(vifs, entries, strict=True))

    def bind(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Bind existing ports of a server to another host. Raises NotFound for a port that is gone."""
        have = {port.id: port for port in self._api.ports({"device_id": server})}
        ports = [self._bound(self._held(have, vif, server), host) for vif in vifs]
        _check_bindings(ports, host)
        return self._known(ports, vifs)

    def bind_ahead(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Prepare a server's ports for a host to which its guest will move while it runs."""
        have = {port.id: port for port in self._api.ports({"device_id": server})}
        ports = prepared(self._api, [self._held(have, vif, server) for vif in vifs], host)
        return self._known(ports, vifs)

    def activate(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Let ports belong to the host that they were prepared for, and to no other."""
        for port in self._api.ports({"device_id": server}):
            activated(self._api, port, host)
        now = {port.id: port for port in self._api.ports({"device_id": server})}
        left = tuple(vif for vif in vifs if vif.port_id in now)
        return self._known([now[vif.port_id] for vif in left], left)

    def unbind_ahead(self, server: str, host: str) -> None:
        """Take back what `bind_ahead` prepared on a host; what is active there stays."""
        for port in self._api.ports({"device_id": server}):
            taken_back(self._api, port, host)

    def release(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Delete the ports made for the server and let go of the others; repeating is fine."""
        ours = {vif.port_id: vif.ours for vif in vifs}
        for port in self._api.ports({"device_id": server}):
            self._drop(port, ours.get(port.id, False))

    def resolve_one(self, ctx: Context, project_id: str, wanted: NetworkRequest) -> NetworkRequest:
        """Check what one more interface for a server of a project is asked to be on, and return that."""
        return resolve_one(self._api, ctx, project_id, wanted)

    def attach(self, order: PortOrder, host: str) -> Vif:
        """Create or take a port for a server and bind it to `host`; repeating finds it again."""
        owner, tag = self._owner(order.server, order.hostname, order.zone, host), _order_tag(order)
        fresh: set[str] = set()
        if order.request.port_id is not None:
            port = self._take(order.request.port_id, owner)
        elif found := [each for each in self._api.ports({"device_id": order.server}) if tag in each.tags]:
            port = self._bound(found[0], host)
        else:
            port = self._create(_new_port(order.project_id, tag, order.request, owner))
            fresh = {port.id}
        _check_bindings((port,), host)
        return self._vifs((port,), fresh)[0].replace(tag=order.request.tag)

    def withdraw(self, order: PortOrder) -> None:
        """Undo what `attach` did, or half did: delete what was made, let go of what was taken."""
        for port in self._api.ports({"device_id": order.server}):
            if port.id == order.request.port_id or _order_tag(order) in port.tags:
                self._drop(port)

    def detach(self, server: str, vif: Vif) -> None:
        """Delete one of a server's ports if it was made for the server, else let go of it."""
        for port in self._api.ports({"device_id": server}):
            if port.id == vif.port_id:
                self._drop(port, vif.ours)

    def unbind(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Let the ports belong to no host; they stay the server's."""
        for port in self._api.ports({"device_id": server}):
            if port.host:
                self._api.update_port(port.id, {"host": ""})

    def describe(self, server: str) -> tuple[Vif, ...]:
        """Return the server's ports as they are now. Device tags are not the network service's to know."""
        return self._vifs(self._api.ports({"device_id": server}), set())

    def owners(self, address: str, provider: str | None = None) -> tuple[PortOwner, ...]:
        """Return the owners of the servers' ports that have a fixed address."""
        filters: dict[str, object] = {"fixed_ips": f"ip_address={address}"}
        if provider is not None:
            served = self._api.subnets({"advanced_service_providers": provider})
            filters["network_id"] = sorted({subnet.network_id for subnet in served})
            if not served:
                return ()
        found = (port for port in self._api.ports(filters) if port.device_owner.startswith(SERVERS))
        return tuple(PortOwner(server=port.device_id, project_id=port.project_id) for port in found)

    def _entries(self, project_id: str, plan: NetworkPlan) -> tuple[NetworkRequest, ...]:
        if plan.requested.mode == "none":
            return ()
        if plan.requested.mode == "auto" and not plan.requested.networks:
            if AUTO_ALLOCATION not in self._api.extensions():
                raise Invalid("The network service cannot make networks on request.")
            return (NetworkRequest(network_id=self._api.auto_network(project_id, dry_run=False)),)
        return plan.requested.networks

    def _owner(self, server: str, hostname: str, zone: str | None, host: str) -> dict[str, Any]:
        """Return what a port says of the server it belongs to."""
        owner = {"device_id": server, "device_owner": f"{SERVERS}{zone or DEFAULT_ZONE}", "host": host}
        return owner | ({"dns_name": hostname} if DNS in self._api.extensions() else {})

    def _take(self, port_id: str, owner: Mapping[str, Any]) -> PortRow:
        """Make a user's port the server's, unless it has become another's."""
        for _ in range(_TAKES):
            found = self._api.ports({"id": port_id})
            if not found:
                raise NotFound(f"Port {port_id} could not be found.")
            seen = found[0]
            if seen.device_id == owner["device_id"]:
                return self._bound(seen, owner["host"])
            if seen.device_id:
                raise PortInUse(f"Port {port_id} is in use by {seen.device_id}.")
            try:
                return self._api.update_port(port_id, owner, seen)
            except RevisionLost:
                LOG.info("port %s changed while it was taken; reading it again", port_id)
        raise PortInUse(f"Port {port_id} is being changed by others.")

    def _create(self, row: PortRow) -> PortRow:
        try:
            return self._api.create_ports([row])[0]
        except NoAddress as error:
            raise Invalid(error.message) from error

    def _drop(self, port: PortRow, ours: bool = False) -> None:
        """Delete a port that is `ours` or says so itself, else let go of it."""
        nothing: dict[str, Any] = {"device_id": "", "device_owner": "", "host": ""}
        if DNS in self._api.extensions():
            nothing["dns_name"] = ""
        try:
            if ours or _is_own(port):
                self._api.delete_port(port.id)
            else:
                self._api.update_port(port.id, nothing)
        except NotFound:
            LOG.info("port %s of server %s is gone already", port.id, port.device_id)

    def _bound(self, port: PortRow, host: str) -> PortRow:
        if port.host == host and port.vif_type not in ("unbound", BINDING_FAILED):
            return port
        return self._api.update_port(port.id, {"host": host})

    def _held(self, have: Mapping[str, PortRow], vif: Vif, server: str) -> PortRow:
        if vif.port_id not in have:
            raise NotFound(f"Server {server} has no port {vif.port_id} any more.")
        return have[vif.port_id]

    def _known(self, ports: Sequence[PortRow], vifs: Sequence[Vif]) -> tuple[Vif, ...]:
        """Describe ports that were described before: what is ours alone to know stays."""
        now = self._vifs(ports, set())
        return tuple(one.replace(tag=vif.tag, ours=vif.ours) for one, vif in zip(now, vifs, strict=True))

    def _vifs(self, ports: Sequence[PortRow], fresh: set[str]) -> tuple[Vif, ...]:
        """Describe ports. Those in `fresh` were made just now and have no floating address."""
        if not ports:
            return ()
        networks = {n.id: n for n in self._api.networks({"id": sorted({p.network_id for p in ports})})}
        ids = sorted({address.subnet_id for port in ports for address in port.fixed_ips})
        subnets = {row.id: _subnet(row) for row in self._api.subnets({"id": ids})} if ids else {}
        older = [port.id for port in ports if port.id not in fresh]
        floating = self._api.floating_ips(older) if older else []
        vifs = (_vif(port, networks.get(port.network_id), floating) for port in ports)
        return tuple(vif.replace(subnets=_of(vif, subnets)) for vif in vifs)


def _new_port(project_id: str, tag: str, entry: NetworkRequest, owner: Mapping[str, Any]) -> PortRow:
    fixed = (Address(ip_address=entry.fixed_ip),) if entry.fixed_ip else ()
    return PortRow(
        project_id=project_id,
        network_id=entry.network_id or "",
        fixed_ips=fixed,
        tags=(tag,),
        **owner,
    )


def _of(vif: Vif, subnets: Mapping[str, Subnet]) -> tuple[Subnet, ...]:
    ids = dict.fromkeys(ip.subnet_id or "" for ip in vif.fixed_ips)
    return tuple(subnets[each] for each in ids if each in subnets)


def _subnet(row: SubnetRow) -> Subnet:
    return Subnet(
        id=row.id,
        cidr=row.cidr,
        version=row.ip_version,
        gateway=row.gateway_ip,
        dns=row.dns_nameservers,
        routes=tuple(
            Route(destination=one["destination"], nexthop=one["nexthop"]) for one in row.host_routes
        ),
        dhcp=row.enable_dhcp,
        address_mode=row.ipv6_address_mode,
    )


def _check_bindings(ports: Iterable[PortRow], host: str) -> None:
    for port in ports:
        if port.vif_type == BINDING_FAILED:
            raise HostRejected(f"Port {port.id} cannot be bound on host {host}.")


def _vif(port: PortRow, network: NetworkRow | None, floating: Sequence[FloatingIpRow]) -> Vif:
    return Vif(
        port_id=port.id,
        network_id=port.network_id,
        network_label=network.name if network else "",
        mac=port.mac_address,
        fixed_ips=tuple(
            FixedIp(
                address=address.ip_address,
                version=6 if ":" in address.ip_address else 4,
                subnet_id=address.subnet_id,
                floating=tuple(
                    f.floating_ip_address
                    for f in floating
                    if f.port_id == port.id and f.fixed_ip_address == address.ip_address
                ),
            )
            for address in port.fixed_ips
        ),
        mtu=network.mtu if network else None,
        vif_type=port.vif_type,
        vnic_type=port.vnic_type,
        details=dict(port.vif_details),
        profile=dict(port.profile),
        active=port.status == "ACTIVE",
        ours=_is_own(port),
    )
