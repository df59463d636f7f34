"""A server's addresses by themselves."""

from __future__ import annotations

from compute_service.api.request import Request
from compute_service.api.servers.look import addresses_of
from compute_service.api.servers.views import Address
from compute_service.api.shape import FreeView, View
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound


class Addresses(View):
    """GET /servers/{server_id}/ips."""

    addresses: dict[str, list[Address]]


class NetworkAddresses(FreeView):
    """The addresses on one network, under its name."""

    items: dict[str, list[Address]]


def index(ctx: Context, svc: Services, req: Request) -> Addresses:
    """List a server's addresses."""
    return Addresses(addresses=addresses_of(req.server.instance.vifs, extended=False))


def show(ctx: Context, svc: Services, req: Request) -> NetworkAddresses:
    """Show a server's addresses on one network."""
    network = req.params["network"]
    found = addresses_of(req.server.instance.vifs, extended=False)
    if network not in found:
        raise NotFound("Instance is not a member of specified network")
    return NetworkAddresses(items={network: found[network]})
