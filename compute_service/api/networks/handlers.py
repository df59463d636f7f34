"""Networks and floating addresses, passed on to the network service as the user who asks."""

from __future__ import annotations

from compute_service.api.forms import read_uuid
from compute_service.api.networks import views
from compute_service.api.networks.bodies import AddressAdded, AddressRemoved, PoolName
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.control import old_networks as control
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid


def networks(ctx: Context, svc: Services, req: Request) -> views.Networks:
    """List networks."""
    return views.Networks(networks=[views.network(one) for one in control.list_networks(ctx, svc)])


def network(ctx: Context, svc: Services, req: Request) -> views.NetworkShown:
    """Show a network."""
    return views.NetworkShown(network=views.network(control.get_network(ctx, svc, req.params["network_id"])))


def labels(ctx: Context, svc: Services, req: Request) -> views.Labels:
    """List networks by name."""
    return views.Labels(networks=[views.label(one) for one in control.list_networks(ctx, svc)])


def label(ctx: Context, svc: Services, req: Request) -> views.LabelShown:
    """Show a network's name."""
    return views.LabelShown(network=views.label(control.get_network(ctx, svc, req.params["network_id"])))


def pools(ctx: Context, svc: Services, req: Request) -> views.Pools:
    """List the pools of floating addresses."""
    return views.Pools(floating_ip_pools=[views.Pool(name=name) for name in control.pools(ctx, svc)])


def _id(req: Request) -> str:
    try:
        return read_uuid(req.params["id"])
    except ValueError:
        raise Invalid(f"Invalid ID {req.params['id']}.") from None


def addresses(ctx: Context, svc: Services, req: Request) -> views.Addresses:
    """List the project's floating addresses."""
    return views.Addresses(floating_ips=[views.address(one) for one in control.list_addresses(ctx, svc)])


def address(ctx: Context, svc: Services, req: Request) -> views.AddressShown:
    """Show a floating address."""
    return views.AddressShown(floating_ip=views.address(control.get_address(ctx, svc, _id(req))))


def take(ctx: Context, svc: Services, req: Request) -> views.AddressShown:
    """Take a floating address from a pool."""
    pool = given(req.body(PoolName).pool, None)
    return views.AddressShown(floating_ip=views.address(control.take_address(ctx, svc, pool)))


def give_back(ctx: Context, svc: Services, req: Request) -> None:
    """Give a floating address back."""
    control.give_back(ctx, svc, _id(req))


def add(ctx: Context, svc: Services, req: Request) -> None:
    """Lead a floating address to a server."""
    asked = req.body(AddressAdded)
    control.lead_to(ctx, svc, req.server, asked.address, given(asked.fixed_address, None))


def remove(ctx: Context, svc: Services, req: Request) -> None:
    """Lead a floating address away from a server."""
    control.lead_nowhere(ctx, svc, req.server, req.body(AddressRemoved).address)
