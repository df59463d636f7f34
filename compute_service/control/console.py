"""What a server's host is asked while the user waits: its console's text and its counters."""

from __future__ import annotations

from compute_service.control.act import check
from compute_service.control.liveness import host_must_be_up
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound
from compute_service.domain.guest import Diagnostics
from compute_service.domain.protocol import ComputeAgent
from compute_service.store.servers import Located


def console_output(ctx: Context, svc: Services, server: Located, length: int | None = None) -> str:
    """Return the last `length` lines of a server's console log; all of it for None, zero or less.

    Raises NotReady (no host), Conflict (its host is down), NotFound (no console), NotSupported.
    """
    agent = _agent(ctx, svc, server)
    try:
        return agent.console_output(server.instance.uuid, length if length and length > 0 else None)
    except NotFound as error:
        raise NotFound("Guest does not have a console available.") from error


def diagnostics(ctx: Context, svc: Services, server: Located) -> Diagnostics:
    """Return a server's counters. Raises NotReady, Conflict (its host is down), NotFound, NotSupported."""
    return _agent(ctx, svc, server).diagnostics(server.instance.uuid)


def _agent(ctx: Context, svc: Services, server: Located) -> ComputeAgent:
    check(ctx, svc, server, ACTIONS["console_output"])
    host = server.instance.host or ""
    host_must_be_up(svc, server.database, host)
    return svc.agent(server.database, host)
