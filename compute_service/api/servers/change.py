"""Changing a server as a user sees it, and deleting it."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from compute_service.api.policies import server_actions as policy
from compute_service.api.request import Reply, Request
from compute_service.api.servers.action_bodies import Rebuild
from compute_service.api.servers.bodies import ServerUpdate
from compute_service.api.servers.look import WHOLE_ANSWERS, Look
from compute_service.api.servers.orders import certificates, injected_files
from compute_service.api.servers.views import Rebuilt, ServerShown
from compute_service.api.shape import Body, given
from compute_service.control import delete as deleting
from compute_service.control.rebuild import rebuild as begin_rebuild
from compute_service.control.services import Services
from compute_service.control.update import update_server
from compute_service.domain.context import Context
from compute_service.domain.order import RebuildOrder

_UPDATED = {
    "name": "display_name",
    "description": "display_description",
    "hostname": "hostname",
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
    "disk_config": "disk_config",
    "pinned_availability_zone": "pinned_availability_zone",
}
_REBUILT = {
    "name": "display_name",
    "description": "display_description",
    "metadata": "metadata",
    "key_name": "key_name",
    "user_data": "user_data",
    "hostname": "hostname",
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
    "disk_config": "disk_config",
}


def _changes(body: Body, names: dict[str, str]) -> dict[str, Any]:
    """Return what a body changes, under the names of the use case."""
    found = {wanted: getattr(body, name) for name, wanted in names.items()}
    return {wanted: value for wanted, value in found.items() if value is not UNSET}


def update(ctx: Context, svc: Services, req: Request) -> ServerShown:
    """Change a server's name and the like."""
    changes = _changes(req.body(ServerUpdate).server, _UPDATED)
    changed = update_server(ctx, svc, req.server, changes)
    look = Look(svc, req)
    whole = req.at_least(WHOLE_ANSWERS)
    return ServerShown(server=look.whole(changed, shown=True) if whole else look.core(changed))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a server; where servers are kept for a while, it may be restored."""
    deleting.delete(ctx, svc, req.server)


def force_delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a server at once."""
    deleting.force_delete(ctx, svc, req.server)


def restore(ctx: Context, svc: Services, req: Request) -> None:
    """Bring back a server that waits to be deleted."""
    deleting.restore(ctx, svc, req.server)


def rebuild(ctx: Context, svc: Services, req: Request) -> Reply:
    """Begin to make a server anew from an image."""
    body = req.body(Rebuild)
    changes = _changes(body, _REBUILT)
    if body.trusted_image_certificates is not UNSET:
        req.enforce(policy.REBUILD_TRUSTED_CERTS)
        changes["trusted_certs"] = certificates(body.trusted_image_certificates)
    if body.personality is not UNSET:
        changes["injected_files"] = injected_files(body.personality)
    order = RebuildOrder(
        image_ref=body.image_ref,
        admin_password=given(body.admin_password, None),
        preserve_ephemeral=given(body.preserve_ephemeral, False),
        changes=changes,
    )
    begun = begin_rebuild(ctx, svc, req.server, order)
    view = Look(svc, req).rebuilt(begun.server.instance, whole=req.at_least(WHOLE_ANSWERS))
    if svc.settings.api.enable_instance_password:
        view.admin_password = begun.admin_password
    return Reply(view=Rebuilt(server=view), headers=(("Location", view.links[0].href),))
