"""What a create, or an interface that is added later, asked of the network, checked before anything is made.

Source: Compute API reference, Create server, `networks` and `security_groups`; Create interface.
"""

from __future__ import annotations

from compute_service.clients.neutron_api import AUTO_ALLOCATION, AddressInUse, NetworkApi
from compute_service.clients.neutron_rows import NetworkRow, PortRow, SecurityGroupRow
from compute_service.domain.context import Context
from compute_service.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NetworkAmbiguous,
    NotFound,
    OverQuota,
    PortInUse,
)
from compute_service.domain.vif import NetworkRequest, RequestedNetworks
from compute_service.ports.network import NetworkPlan

DEFAULT_GROUP = "default"
PLUGGABLE = ("normal", "")
"""Kinds of ports that need no device of the host's."""


def resolve(
    api: NetworkApi,
    ctx: Context,
    requested: RequestedNetworks,
    security_groups: tuple[str, ...],
    servers: int,
) -> NetworkPlan:
    """Turn a request into a plan that `allocate` can carry out. Raises Invalid, PortInUse, NetworkAmbiguous,
    Forbidden and OverQuota."""
    if requested.mode == "none":
        return NetworkPlan(requested=requested)
    if requested.mode == "list":
        wanted = _check_list(api, ctx, requested, servers)
    else:
        wanted = _choose(api, ctx, requested)
    groups = _groups(api, ctx, security_groups) if wanted.mode != "none" else ()
    needed = 1 if wanted.mode == "auto" else sum(1 for entry in wanted.networks if entry.port_id is None)
    _check_room(api, ctx.project_id, needed * servers)
    return NetworkPlan(
        requested=wanted,
        security_groups=tuple(group.id for group in groups),
        group_names=tuple(group.name or group.id for group in groups),
    )


def resolve_one(api: NetworkApi, ctx: Context, project_id: str, wanted: NetworkRequest) -> NetworkRequest:
    """Check what one more interface of a project's server is to be on.

    Raises NotFound, Invalid, NetworkAmbiguous, PortInUse, Conflict, Forbidden and OverQuota.
    """
    if wanted.port_id is not None:
        _check_free(_port(api, ctx, wanted.port_id), project_id)
        return wanted
    if wanted.network_id is None:
        wanted = wanted.replace(network_id=_only(api, ctx, project_id).id)
    else:
        _check_wanted(api, ctx, wanted.network_id, wanted.fixed_ip)
    _check_room(api, project_id, 1)
    return wanted


def _port(api: NetworkApi, ctx: Context, port_id: str) -> PortRow:
    found = api.ports({"id": port_id}, ctx)
    if not found:
        raise NotFound(f"Port {port_id} could not be found.")
    return found[0]


def _check_free(port: PortRow, project_id: str) -> None:
    if port.project_id != project_id:
        raise Invalid(f"Port {port.id} is not for servers of project {project_id}.")
    if port.device_id:
        raise PortInUse(f"Port {port.id} is still in use.")
    if port.vnic_type not in PLUGGABLE:
        raise Invalid(f"Port {port.id} is of type {port.vnic_type}, which servers are not given later.")


def _only(api: NetworkApi, ctx: Context, project_id: str) -> NetworkRow:
    found = _usable(api, ctx, project_id)
    if not found:
        raise Invalid(f"No specific network was requested and none are available for project '{project_id}'.")
    if len(found) > 1:
        raise NetworkAmbiguous("Several networks are possible; name one by its ID.")
    _check_network(found[0], ctx)
    return found[0]


def _check_wanted(api: NetworkApi, ctx: Context, network_id: str, fixed_ip: str | None) -> None:
    found = api.networks({"id": [network_id]}, ctx)
    if not found:
        raise NotFound(f"Network {network_id} could not be found.")
    _check_network(found[0], ctx)
    user = _user_of(api, network_id, fixed_ip) if fixed_ip else None
    if user is not None:
        raise AddressInUse(f"Fixed IP address {fixed_ip} is already in use by {user}.")


def _usable(api: NetworkApi, ctx: Context, project_id: str) -> list[NetworkRow]:
    """Return the networks that a project's servers can be on. One that leads outside counts only when it is
    shared with everybody."""
    own = api.networks({"project_id": project_id, "shared": False}, ctx)
    return [network for network in own if not network.external] + api.networks({"shared": True}, ctx)


def _user_of(api: NetworkApi, network_id: str, fixed_ip: str) -> str | None:
    """Return what an address of a network is in use by."""
    holders = api.ports({"network_id": network_id, "fixed_ips": f"ip_address={fixed_ip}"})
    return (holders[0].device_id or f"port {holders[0].id}") if holders else None


def _choose(api: NetworkApi, ctx: Context, requested: RequestedNetworks) -> RequestedNetworks:
    """Take the one network that the project can use; `auto` without any has one made later."""
    auto = requested.mode == "auto"
    found = _usable(api, ctx, ctx.project_id)
    if auto:
        found = [network for network in found if network.admin_state_up]
    if len(found) > 1:
        raise NetworkAmbiguous("Several networks are possible; name one by its ID.")
    if found:
        _check_network(found[0], ctx)
        return RequestedNetworks(mode="list", networks=(NetworkRequest(network_id=found[0].id),))
    if not auto:
        return RequestedNetworks(mode="none")
    if AUTO_ALLOCATION not in api.extensions():
        raise Invalid("The network service cannot make networks on request.")
    try:
        api.auto_network(ctx.project_id, dry_run=True)
    except Conflict as error:
        raise Invalid(f"A network cannot be made for project {ctx.project_id}: {error.message}") from error
    return RequestedNetworks(mode="auto")


def _check_list(
    api: NetworkApi, ctx: Context, requested: RequestedNetworks, servers: int
) -> RequestedNetworks:
    entries = requested.networks
    ids = sorted({entry.network_id for entry in entries if entry.network_id and not entry.port_id})
    networks = {network.id: network for network in api.networks({"id": ids}, ctx)} if ids else {}
    seen: set[str] = set()
    for entry in entries:
        if servers > 1 and (entry.port_id or entry.fixed_ip):
            raise Invalid("A port or a fixed address can be given for a single server only.")
        if entry.port_id is not None:
            if entry.port_id in seen:
                raise Invalid(f"Port {entry.port_id} is named twice.")
            seen.add(entry.port_id)
            _check_port(api, ctx, entry.port_id)
        elif entry.network_id is not None:
            _check_entry(api, ctx, entry, networks.get(entry.network_id))
        else:
            raise Invalid("Each entry of networks needs a network or a port.")
    return requested


def _check_port(api: NetworkApi, ctx: Context, port_id: str) -> None:
    found = api.ports({"id": port_id}, ctx)
    if not found:
        raise Invalid(f"Port {port_id} could not be found.")
    if found[0].device_id:
        raise PortInUse(f"Port {port_id} is still in use.")
    if not found[0].fixed_ips:
        raise Invalid(f"Port {port_id} requires a FixedIP in order to be used.")


def _check_entry(api: NetworkApi, ctx: Context, entry: NetworkRequest, network: NetworkRow | None) -> None:
    if network is None:
        raise Invalid(f"Network {entry.network_id} could not be found.")
    _check_network(network, ctx)
    if entry.fixed_ip is None:
        return
    user = _user_of(api, network.id, entry.fixed_ip)
    if user is not None:
        raise Invalid(f"Fixed IP address {entry.fixed_ip} is already in use by {user}.")


def _check_network(network: NetworkRow, ctx: Context) -> None:
    if network.external and not network.shared and not ctx.is_admin:
        raise Forbidden(f"External network {network.id} is not for servers of this project.")
    if not network.subnets:
        raise Invalid(f"Network {network.id} requires a subnet in order to boot instances on.")


def _groups(api: NetworkApi, ctx: Context, wanted: tuple[str, ...]) -> tuple[SecurityGroupRow, ...]:
    """Find groups by name or identifier. `default` alone is left to the network service."""
    if not wanted or set(wanted) == {DEFAULT_GROUP}:
        return ()
    groups = api.security_groups(ctx)
    asked: dict[str, SecurityGroupRow] = {}
    for name in wanted:
        found = [g for g in groups if g.id == name] or [g for g in groups if g.name == name]
        if not found:
            raise Invalid(f"Security group {name} not found for project {ctx.project_id}.")
        if len(found) > 1:
            raise Conflict(f"Several security groups are named {name}; name one by its ID.")
        asked[found[0].id] = found[0]
    return tuple(asked.values())


def _check_room(api: NetworkApi, project_id: str, needed: int) -> None:
    if needed == 0:
        return
    room = api.port_room(project_id)
    if room is not None and room < needed:
        raise OverQuota(f"The project has room for {max(room, 0)} more ports and {needed} are needed.")
