"""Tokens that open consoles (cell databases). A token itself is kept nowhere, only its hash."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from compute_service.domain.console import Console, ConsoleToken
from compute_service.store.database import Tx
from compute_service.store.tables.hosts import console_auth_tokens

_t = console_auth_tokens.c
_SELECT = select(
    _t.instance_uuid,
    _t.expires,
    _t.console_type,
    _t.host,
    _t.port,
    _t.tls_port,
    _t.internal_access_path,
    _t.access_url_base,
)


def console_token_insert(tx: Tx, token_hash: str, token: ConsoleToken) -> None:
    """Keep a new token."""
    console = token.console
    tx.execute(
        insert(console_auth_tokens),
        {
            "token_hash": token_hash,
            "instance_uuid": token.server,
            "expires": token.expires,
            "console_type": console.type,
            "host": console.host,
            "port": console.port,
            "tls_port": console.tls_port,
            "internal_access_path": console.path,
            "access_url_base": console.url,
            "created_at": tx.now(),
        },
    )


def console_token_get(tx: Tx, token_hash: str, now: float) -> ConsoleToken | None:
    """Return a token that is still good at `now` (seconds since the epoch), or None."""
    row = tx.one(_SELECT.where(_t.token_hash == token_hash, _t.expires > now))
    if row is None:
        return None
    console = Console(type=row[2], host=row[3], port=row[4], tls_port=row[5], path=row[6], url=row[7])
    return ConsoleToken(server=row[0], expires=row[1], console=console)


def console_tokens_purge(tx: Tx, now: float, most: int) -> int:
    """Remove up to `most` tokens that are not good any more; return how many there were."""
    old = [row[0] for row in tx.all(select(_t.id).where(_t.expires <= now).limit(most))]
    if old:
        tx.execute(delete(console_auth_tokens).where(_t.id.in_(old)))
    return len(old)
