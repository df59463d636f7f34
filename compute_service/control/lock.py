"""Lock and unlock: keep those who are not admin from changing a server."""

from __future__ import annotations

from typing import Any

from compute_service.control.act import note
from compute_service.control.find import change_row
from compute_service.control.notices import About, tell_server
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.instance import Instance
from compute_service.store.database import Tx
from compute_service.store.instances import instance_update
from compute_service.store.servers import Located


def lock(ctx: Context, svc: Services, server: Located, reason: str | None = None) -> Instance:
    """Lock a server; an owner who locks one that is locked already changes nothing."""
    if server.instance.locked and not _is_admins(ctx, server.instance):
        return server.instance
    by = "admin" if _is_admins(ctx, server.instance) else "owner"
    return _write(ctx, svc, server, "lock", locked_by=by, locked_reason=reason)


def unlock(ctx: Context, svc: Services, server: Located) -> Instance:
    """Unlock a server. Whether the requester may unlock what an admin locked is the caller's to check."""
    return _write(ctx, svc, server, "unlock", locked_by=None, locked_reason=None)


def _is_admins(ctx: Context, instance: Instance) -> bool:
    """Tell whether the requester acts as an admin, on a server of another project."""
    return ctx.is_admin and ctx.project_id != instance.project_id


def _write(ctx: Context, svc: Services, server: Located, action: str, **changes: Any) -> Instance:
    def change(tx: Tx, now: Instance) -> Instance:
        note(tx, ctx, now.uuid, action, f"api_{action}")
        return instance_update(tx, now, **changes)

    changed = change_row(ctx, svc, server, change)
    tell_server(svc, f"instance.{action}", "", About(changed))
    return changed
