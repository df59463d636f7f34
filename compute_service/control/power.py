"""Start, stop, reboot, pause, unpause, suspend, resume."""

from __future__ import annotations

from compute_service.control.act import Work, act, admit
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.flows.kinds.reboot import RebootParams
from compute_service.store.servers import Located


def start(ctx: Context, svc: Services, server: Located) -> str:
    """Power on a stopped server."""
    return act(ctx, svc, server, "start")


def stop(ctx: Context, svc: Services, server: Located) -> str:
    """Shut a server down."""
    return act(ctx, svc, server, "stop")


def reboot(ctx: Context, svc: Services, server: Located, hard: bool) -> str:
    """Restart a server; softly only if it runs."""
    key = "reboot_hard" if hard else "reboot_soft"
    return admit(ctx, svc, server, Work(key, lambda i: RebootParams(uuid=i.uuid, host=i.host, hard=hard)))


def pause(ctx: Context, svc: Services, server: Located) -> str:
    """Freeze a server in memory."""
    return act(ctx, svc, server, "pause")


def unpause(ctx: Context, svc: Services, server: Located) -> str:
    """Let a paused server go on."""
    return act(ctx, svc, server, "unpause")


def suspend(ctx: Context, svc: Services, server: Located) -> str:
    """Save a server to disk and stop it."""
    return act(ctx, svc, server, "suspend")


def resume(ctx: Context, svc: Services, server: Located) -> str:
    """Bring a suspended server back."""
    return act(ctx, svc, server, "resume")
