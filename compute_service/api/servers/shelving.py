"""Shelving servers, and bringing them back."""

from __future__ import annotations

from compute_service.api.policies import server_actions as policy
from compute_service.api.request import Request
from compute_service.api.servers.action_bodies import Unshelve
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control import shelve as shelving
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.order import UnshelveOrder

TAKES_A_ZONE = change("2.77")


def shelve(ctx: Context, svc: Services, req: Request) -> None:
    """Stop a server and keep it as an image."""
    shelving.shelve(ctx, svc, req.server)


def shelve_offload(ctx: Context, svc: Services, req: Request) -> None:
    """Take a shelved server from its host."""
    shelving.shelve_offload(ctx, svc, req.server)


def unshelve(ctx: Context, svc: Services, req: Request) -> None:
    """Have a shelved server run again."""
    if not req.at_least(TAKES_A_ZONE):
        shelving.unshelve(ctx, svc, req.server, UnshelveOrder())
        return
    body = req.body(Unshelve)
    host = given(body.host, None)
    if host is not None:
        req.enforce(policy.UNSHELVE_TO_HOST)
    shelving.unshelve(ctx, svc, req.server, UnshelveOrder(zone=body.availability_zone, host=host))
