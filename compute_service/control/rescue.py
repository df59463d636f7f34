"""Rescue: accept that a server is booted from another disk to be mended, and from its own again."""

from __future__ import annotations

from compute_service.control.act import Work, act, admit, check
from compute_service.control.images import image_find
from compute_service.control.names import new_password
from compute_service.control.sealing import seal
from compute_service.control.services import Services
from compute_service.control.spec import ADMIN_PASSWORD
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.domain.record import Record
from compute_service.flows.kinds.rescue import RescueParams
from compute_service.store.servers import Located


class Rescuing(Record):
    """A rescue that was accepted."""

    admin_password: str
    flow_id: str


def rescue(
    ctx: Context, svc: Services, server: Located, image_ref: str | None, password: str | None
) -> Rescuing:
    """Accept a rescue, from the server's own image unless another is named.

    Raises Invalid (no such image, or none at all), Locked, InvalidState, NotReady, Conflict (host down).
    """
    check(ctx, svc, server, ACTIONS["rescue"])
    wanted = image_ref or server.instance.image_ref
    if not wanted:
        raise Invalid(
            f"Instance {server.instance.uuid} cannot be rescued: it was not booted from an image, "
            "and the request names none."
        )
    image = image_find(ctx, svc, wanted)
    if image.status != "active":
        raise Invalid(f"Image {image.id} is not active.")
    password = password or new_password(svc.settings.default.password_length)
    sealed = seal(svc.settings, password)
    flow_id = admit(
        ctx,
        svc,
        server,
        Work(
            "rescue",
            lambda now: RescueParams(uuid=now.uuid, host=now.host, was=now.vm_state, image=image),
            lambda now: {"system_metadata": {**now.system_metadata, ADMIN_PASSWORD: sealed}},
        ),
    )
    return Rescuing(admin_password=password, flow_id=flow_id)


def unrescue(ctx: Context, svc: Services, server: Located) -> str:
    """Boot a rescued server from its own disk again."""
    return act(ctx, svc, server, "unrescue")
