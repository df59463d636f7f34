"""Booting a server from another disk, and reaching into its guest."""

from __future__ import annotations

from compute_service.api.request import Reply, Request
from compute_service.api.servers.action_bodies import ChangePassword, Rescue, RescueBegun
from compute_service.api.shape import given
from compute_service.control import inside
from compute_service.control import rescue as rescuing
from compute_service.control.services import Services
from compute_service.domain.context import Context


def rescue(ctx: Context, svc: Services, req: Request) -> Reply:
    """Boot a server from another disk, with its own beside it."""
    body = req.body(Rescue)
    begun = rescuing.rescue(
        ctx, svc, req.server, given(body.rescue_image_ref, None), given(body.admin_password, None)
    )
    view = RescueBegun()
    if svc.settings.api.enable_instance_password:
        view.admin_password = begun.admin_password
    return Reply(view=view)


def unrescue(ctx: Context, svc: Services, req: Request) -> None:
    """Boot a rescued server from its own disk again."""
    rescuing.unrescue(ctx, svc, req.server)


def change_password(ctx: Context, svc: Services, req: Request) -> None:
    """Change the password of the administrator of a server's guest."""
    inside.change_password(ctx, svc, req.server, req.body(ChangePassword).admin_password)


def crash_dump(ctx: Context, svc: Services, req: Request) -> None:
    """Have the system of a server's guest dump its memory."""
    inside.crash_dump(ctx, svc, req.server)
