"""What a server's host does inside its guest while the user waits: change a password, have memory dumped."""

from __future__ import annotations

from compute_service.control.act import check, note
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, NotSupported
from compute_service.domain.protocol import ComputeAgent
from compute_service.store.servers import Located


def change_password(ctx: Context, svc: Services, server: Located, password: str) -> None:
    """Change the password of the administrator of a server's guest.

    Raises Locked, InvalidState, NotReady, and Conflict: its host is down, or nothing in the guest does it.
    """
    agent = _agent(ctx, svc, server, "change_password")
    try:
        agent.set_password(server.instance.uuid, password)
    except NotSupported as error:
        raise Conflict(
            f"The password of {server.instance.uuid} cannot be changed: {error.message}"
        ) from error
    _note(ctx, svc, server, "change_password", "compute_set_admin_password")


def crash_dump(ctx: Context, svc: Services, server: Located) -> None:
    """Have the system of a server's guest dump its memory.

    Raises Locked, InvalidState, NotReady, and Conflict: its host is down, or cannot do that.
    """
    agent = _agent(ctx, svc, server, "crash_dump")
    try:
        agent.crash_dump(server.instance.uuid)
    except NotSupported as error:
        raise Conflict(error.message) from error
    _note(ctx, svc, server, "crash_dump", "compute_trigger_crash_dump")


def _agent(ctx: Context, svc: Services, server: Located, key: str) -> ComputeAgent:
    check(ctx, svc, server, ACTIONS[key])
    return svc.agent(server.database, server.instance.host or "")


def _note(ctx: Context, svc: Services, server: Located, key: str, event: str) -> None:
    with svc.store.database(server.database).write() as tx:
        note(tx, ctx, server.instance.uuid, ACTIONS[key].name, event)
