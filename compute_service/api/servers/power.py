"""Actions on a server that take nothing or next to nothing: power, lock, state."""

from __future__ import annotations

from compute_service.api.policies import server_actions as policy
from compute_service.api.request import Request
from compute_service.api.servers.action_bodies import Lock, Reboot, ResetState
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control import lock as locking
from compute_service.control import power
from compute_service.control.events import look_at_ports
from compute_service.control.reset import reset_state as set_state
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Locked
from compute_service.domain.states import VmState

LOCK_HAS_A_REASON = change("2.73")


def start(ctx: Context, svc: Services, req: Request) -> None:
    """Power on a stopped server."""
    power.start(ctx, svc, req.server)


def stop(ctx: Context, svc: Services, req: Request) -> None:
    """Shut a server down."""
    power.stop(ctx, svc, req.server)


def reboot(ctx: Context, svc: Services, req: Request) -> None:
    """Restart a server, softly or by cutting its power."""
    power.reboot(ctx, svc, req.server, hard=req.body(Reboot).type.upper() == "HARD")


def pause(ctx: Context, svc: Services, req: Request) -> None:
    """Freeze a server in memory."""
    power.pause(ctx, svc, req.server)


def unpause(ctx: Context, svc: Services, req: Request) -> None:
    """Let a paused server go on."""
    power.unpause(ctx, svc, req.server)


def suspend(ctx: Context, svc: Services, req: Request) -> None:
    """Save a server to disk and stop it."""
    power.suspend(ctx, svc, req.server)


def resume(ctx: Context, svc: Services, req: Request) -> None:
    """Bring a suspended server back."""
    power.resume(ctx, svc, req.server)


def lock(ctx: Context, svc: Services, req: Request) -> None:
    """Keep those who are not admin from changing a server."""
    reason = given(req.body(Lock).locked_reason, None) if req.at_least(LOCK_HAS_A_REASON) else None
    locking.lock(ctx, svc, req.server, reason)


def unlock(ctx: Context, svc: Services, req: Request) -> None:
    """Unlock a server; what another locked needs a permission of its own."""
    instance = req.server.instance
    mine = "owner" if instance.project_id == ctx.project_id else "admin"
    if instance.locked_by is not None and instance.locked_by != mine:
        req.enforce(policy.UNLOCK_OVERRIDE)
    locking.unlock(ctx, svc, req.server)


def reset_state(ctx: Context, svc: Services, req: Request) -> None:
    """Say what a server is, whatever it was."""
    set_state(ctx, svc, req.server, VmState(req.body(ResetState).state))


def inject_network_info(ctx: Context, svc: Services, req: Request) -> None:
    """Look up a server's addresses anew; nothing is written into its guest."""
    if req.server.instance.locked and not ctx.is_admin:
        raise Locked(req.server.instance.uuid)
    look_at_ports(svc, req.server)
