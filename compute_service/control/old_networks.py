"""Networks and floating addresses as the network service has them, asked for as the user."""

from __future__ import annotations

from typing import Any

from compute_service.clients.http import part
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Forbidden, Invalid, NotFound
from compute_service.domain.record import Record
from compute_service.store.servers import Located

Row = dict[str, Any]
"""A network, a port or an address as the network service shows it."""
_NETWORKS, _ADDRESSES, _PORTS = "/v2.0/networks", "/v2.0/floatingips", "/v2.0/ports"


class FloatingAddress(Record):
    """A floating address. Without a port there is neither a fixed address nor a server."""

    id: str
    address: str
    pool: str
    fixed: str | None = None
    server: str | None = None


def list_networks(ctx: Context, svc: Services) -> list[Row]:
    """Return the networks that the user may put servers on: the project's, and those that all share."""
    found: dict[str, Row] = {}
    for query in ((("project_id", ctx.project_id),), (("shared", "True"),)):
        rows = svc.network_api.ask(ctx, "GET", _NETWORKS, query=query)["networks"]
        found |= {row["id"]: row for row in rows}
    return list(found.values())


def get_network(ctx: Context, svc: Services, network_id: str) -> Row:
    """Return one network. Raises NotFound."""
    found: Row = svc.network_api.ask(ctx, "GET", f"{_NETWORKS}/{part(network_id)}")["network"]
    return found


def pools(ctx: Context, svc: Services) -> list[str]:
    """Return the names of the networks that floating addresses are taken from."""
    return [network["name"] for network in _outer(ctx, svc)]


def list_addresses(ctx: Context, svc: Services) -> list[FloatingAddress]:
    """Return the project's floating addresses."""
    return _shown(ctx, svc, _rows(ctx, svc))


def get_address(ctx: Context, svc: Services, address_id: str) -> FloatingAddress:
    """Return one floating address. Raises NotFound."""
    row = svc.network_api.ask(ctx, "GET", f"{_ADDRESSES}/{part(address_id)}")["floatingip"]
    return _shown(ctx, svc, [row])[0]


def take_address(ctx: Context, svc: Services, pool: str | None) -> FloatingAddress:
    """Take a new address from a pool, named or given by identifier; any pool if None.

    Raises NotFound (no such pool), OverQuota, Invalid.
    """
    found = [one for one in _outer(ctx, svc) if pool is None or pool in (one["name"], one["id"])]
    if not found:
        raise NotFound("Floating IP pool not found.")
    body = {"floatingip": {"floating_network_id": found[0]["id"]}}
    try:
        row = svc.network_api.ask(ctx, "POST", _ADDRESSES, body=body)["floatingip"]
    except Conflict as error:
        raise NotFound(error.message) from error
    return _shown(ctx, svc, [row])[0]


def give_back(ctx: Context, svc: Services, address_id: str) -> None:
    """Give a floating address back. Raises NotFound."""
    svc.network_api.ask(ctx, "DELETE", f"{_ADDRESSES}/{part(address_id)}")


def lead_to(ctx: Context, svc: Services, server: Located, address: str, fixed: str | None) -> None:
    """Lead a floating address to a server: to its fixed address, or to the first of version 4 it has.

    Raises NotFound (no such floating address), Invalid (the server has no such fixed address).
    """
    row = _row_of(ctx, svc, address)
    query = [("device_id", server.instance.uuid)]
    ports = svc.network_api.ask(ctx, "GET", _PORTS, query=query)["ports"]
    ends = [
        (port["id"], one["ip_address"])
        for port in ports
        for one in port["fixed_ips"]
        if (one["ip_address"] == fixed if fixed is not None else ":" not in one["ip_address"])
    ]
    if not ends:
        if fixed is None:
            raise Invalid("No fixed IPs associated to instance")
        raise Invalid("Specified fixed address not assigned to instance")
    change = {"port_id": ends[0][0], "fixed_ip_address": ends[0][1]}
    try:
        svc.network_api.ask(ctx, "PUT", f"{_ADDRESSES}/{row['id']}", body={"floatingip": change})
    except (Conflict, Forbidden) as error:
        raise Invalid(f"Unable to associate floating IP {address}: {error.message}") from error


def lead_nowhere(ctx: Context, svc: Services, server: Located, address: str) -> None:
    """Lead a floating address away from a server. Raises NotFound, Conflict (it does not lead there)."""
    row = _row_of(ctx, svc, address)
    if _shown(ctx, svc, [row])[0].server != server.instance.uuid:
        raise Conflict(f"Floating IP {address} is not associated with instance {server.instance.uuid}.")
    change = {"port_id": None}
    svc.network_api.ask(ctx, "PUT", f"{_ADDRESSES}/{row['id']}", body={"floatingip": change})


def _row_of(ctx: Context, svc: Services, address: str) -> Row:
    for row in _rows(ctx, svc):
        if row["floating_ip_address"] == address:
            return row
    raise NotFound("floating IP not found")


def _rows(ctx: Context, svc: Services) -> list[Row]:
    query = [("project_id", ctx.project_id)]
    rows: list[Row] = svc.network_api.ask(ctx, "GET", _ADDRESSES, query=query)["floatingips"]
    return rows


def _outer(ctx: Context, svc: Services) -> list[Row]:
    query = [("router:external", "True")]
    rows: list[Row] = svc.network_api.ask(ctx, "GET", _NETWORKS, query=query)["networks"]
    return rows


def _shown(ctx: Context, svc: Services, rows: list[Row]) -> list[FloatingAddress]:
    names = {network["id"]: network["name"] for network in _outer(ctx, svc)} if rows else {}
    servers: dict[str, str | None] = {}
    for row in rows:
        if row["port_id"]:
            servers[row["port_id"]] = _server_of(ctx, svc, row["port_id"])
    return [
        FloatingAddress(
            id=row["id"],
            address=row["floating_ip_address"],
            pool=str(names.get(row["floating_network_id"], row["floating_network_id"])),
            fixed=row["fixed_ip_address"],
            server=servers.get(row["port_id"] or ""),
        )
        for row in rows
    ]


def _server_of(ctx: Context, svc: Services, port_id: str) -> str | None:
    try:
        port = svc.network_api.ask(ctx, "GET", f"{_PORTS}/{part(port_id)}")["port"]
    except NotFound:
        return None
    return port["device_id"] or None
