"""Evacuating a server whose host has failed."""

from __future__ import annotations

from compute_service.api.request import Answer, Request
from compute_service.api.servers.action_bodies import Evacuate, EvacuatedPassword
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control.evacuate import evacuate as begin
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.domain.order import EvacuationOrder

HOST_IS_CHECKED = change("2.29")
NOTHING_ANSWERED = change("2.14")
ENDS_STOPPED = change("2.95")


def evacuate(ctx: Context, svc: Services, req: Request) -> Answer:
    """Have a server made anew on another host, the one named or any that suits."""
    body = req.body(Evacuate)
    host, password = given(body.host, None), given(body.admin_password, None)
    force = given(body.force, False)
    if force and host is None:
        raise Invalid("Can't force to a non-provided destination")
    if given(body.on_shared_storage, False) and password is not None:
        raise Invalid("admin password can't be changed on existing disk")
    order = EvacuationOrder(
        host=host,
        force=force or (host is not None and not req.at_least(HOST_IS_CHECKED)),
        admin_password=password,
        ends_stopped=req.at_least(ENDS_STOPPED),
    )
    made = begin(ctx, svc, req.server, order)
    if req.at_least(NOTHING_ANSWERED) or not svc.settings.api.enable_instance_password:
        return None
    return EvacuatedPassword(admin_password=made)
