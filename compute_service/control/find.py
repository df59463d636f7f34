"""Finds the server that a request names, for those who may know of it."""

from __future__ import annotations

from collections.abc import Callable

from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound, Stale
from compute_service.domain.flow import API_DATABASE
from compute_service.domain.instance import Instance
from compute_service.store.database import Tx
from compute_service.store.instances import instance_get
from compute_service.store.servers import Located, server_locate


def find_server(ctx: Context, svc: Services, uuid: str, deleted: bool = False) -> Located:
    """Return a server and where it is. Raises NotFound, also to another project's non-admin.

    Raises Unavailable when its cell does not answer.
    """
    found = server_locate(svc.store, uuid, deleted)
    if found is None or not (ctx.is_admin or found.instance.project_id == ctx.project_id):
        raise NotFound(f"Instance {uuid} could not be found.")
    return found


def reread(tx: Tx, seen: Instance) -> Instance | None:
    """Return a server's row as it is now, for a change in this transaction; None when it is not here.

    A server without a cell may be moved to one at any time: its row is held here until the change is made.
    """
    return instance_get(tx, seen.uuid, lock=tx.database == API_DATABASE)


def change_row(
    ctx: Context, svc: Services, server: Located, change: Callable[[Tx, Instance], Instance]
) -> Instance:
    """Change a server's row as it is now, wherever it is, and return what `change` does.

    One that is handed to its cell meanwhile is found there. Raises Stale when it cannot be caught, and what
    `change` raises.
    """
    for last in (False, True):
        with svc.store.database(server.database).write() as tx:
            seen = reread(tx, server.instance)
            if seen is not None:
                return change(tx, seen)
        if not last:
            server = find_server(ctx, svc, server.instance.uuid)
    raise Stale(f"Instance {server.instance.uuid} was changed by another request.")
