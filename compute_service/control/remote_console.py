"""Consoles that people open in a browser: a token for one, and what a token opens.

A token is kept in the database of the server's cell, as a hash. What it opens is looked up anew when it is
used: a server that moved, stopped or was deleted meanwhile cannot be reached by an old one, nor can another
server whose console has the port now.
"""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

from compute_service.control.act import check
from compute_service.control.liveness import host_must_be_up
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.console import Console, ConsoleToken, token_hash
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, NotFound, Unavailable
from compute_service.store.console_tokens import console_token_get, console_token_insert
from compute_service.store.instances import instance_get
from compute_service.store.servers import Located

_LONGEST = 64
"""Characters that a token can have; nothing longer is looked for."""


def open_console(ctx: Context, svc: Services, server: Located, kind: str) -> str:
    """Return the address at which the server's console of a type opens, once or more, for a while.

    Raises InvalidState (it is being deleted or moved), NotReady (no host, or not running), Conflict (its host
    is down), Invalid (there is no such console).
    """
    check(ctx, svc, server, ACTIONS["remote_console"])
    uuid, host = server.instance.uuid, server.instance.host or ""
    host_must_be_up(svc, server.database, host)
    console = svc.agent(server.database, host).console(uuid, kind)
    token = str(uuid4())
    expires = svc.clock.time() + svc.settings.consoleauth.token_ttl
    with svc.store.database(server.database).write() as tx:
        kept = ConsoleToken(server=uuid, console=console, expires=expires)
        console_token_insert(tx, token_hash(token), kept)
    return address(console, token)


def address(console: Console, token: str) -> str:
    """Return the address of a console at its proxy, with the token."""
    query = f"token={token}"
    return f"{console.url}?path={quote('?' + query)}" if console.type == "novnc" else f"{console.url}?{query}"


def console_of_token(svc: Services, token: str) -> ConsoleToken:
    """Return what a token opens, if it is good. Raises NotFound, Unavailable (a cell that may know does not
    answer)."""
    return _located(svc, token)[1]


def console_now(svc: Services, token: str) -> ConsoleToken:
    """Return what a token opens when that is still there. Raises NotFound, Unavailable."""
    cell, found = _located(svc, token)
    with svc.store.database(cell).read() as tx:
        server = instance_get(tx, found.server)
    if server is None or server.host is None:
        raise _gone()
    try:
        now = svc.agent(cell, server.host).console(found.server, found.console.type)
    except Unavailable:
        raise
    except ComputeError as error:
        raise _gone() from error
    if (now.host, now.port) != (found.console.host, found.console.port):
        raise _gone()
    return found


def _located(svc: Services, token: str) -> tuple[str, ConsoleToken]:
    if not token or len(token) > _LONGEST:
        raise _gone()
    hashed, now = token_hash(token), svc.clock.time()
    answers = svc.store.fan_out(
        lambda tx: console_token_get(tx, hashed, now), timeout=svc.settings.stratus.cell_timeout
    )
    for cell, answer in answers.items():
        if isinstance(answer, ConsoleToken):
            return cell, answer
    for answer in answers.values():
        if isinstance(answer, ComputeError):
            raise Unavailable("A cell does not answer, and the token may be one of its servers'.")
    raise _gone()


def _gone() -> NotFound:
    return NotFound("Token not found")
