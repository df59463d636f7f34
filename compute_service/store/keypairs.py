"""Key pairs of users (API database)."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from compute_service.domain.errors import Conflict, Invalid
from compute_service.domain.keypair import Keypair
from compute_service.store.database import Tx, Values
from compute_service.store.sql import insert_new
from compute_service.store.tables.catalog import keypairs

_t = keypairs.c
_SELECT = select(_t.id, _t.user_id, _t.name, _t.type, _t.public_key, _t.fingerprint, _t.created_at)


def _keypair(row: Values) -> Keypair:
    return Keypair(
        id=row[0],
        user_id=row[1],
        name=row[2],
        type=row[3],
        public_key=row[4],
        fingerprint=row[5],
        created_at=row[6],
    )


def keypair_insert(tx: Tx, keypair: Keypair) -> Keypair:
    """Keep a key pair. Raises Conflict when the user has one of that name."""
    created = keypair.created_at or tx.now()
    new = insert_new(
        tx,
        keypairs,
        {
            "user_id": keypair.user_id,
            "name": keypair.name,
            "type": keypair.type,
            "public_key": keypair.public_key,
            "fingerprint": keypair.fingerprint,
            "created_at": created,
        },
    )
    if new is None:
        raise Conflict(f"Key pair '{keypair.name}' already exists.")
    return keypair.replace(id=new, created_at=created)


def keypair_get(tx: Tx, user_id: str, name: str) -> Keypair | None:
    """Return a user's key pair, or None."""
    row = tx.one(_SELECT.where(_t.user_id == user_id, _t.name == name))
    return None if row is None else _keypair(row)


def keypair_page(tx: Tx, user_id: str, marker: str | None = None, limit: int | None = None) -> list[Keypair]:
    """Return a user's key pairs by name, behind the one named `marker`. Raises Invalid when it is unknown."""
    if marker is not None and keypair_get(tx, user_id, marker) is None:
        raise Invalid(f"marker [{marker}] not found")
    statement = _SELECT.where(_t.user_id == user_id).order_by(_t.name)
    if marker is not None:
        statement = statement.where(_t.name > marker)
    return [_keypair(row) for row in tx.all(statement if limit is None else statement.limit(limit))]


def keypair_count(tx: Tx, user_id: str) -> int:
    """Return how many key pairs a user has."""
    return int(tx.scalar(select(func.count()).select_from(keypairs).where(_t.user_id == user_id)))


def keypair_delete(tx: Tx, user_id: str, name: str) -> bool:
    """Remove a user's key pair; returns whether it was there."""
    return tx.execute(delete(keypairs).where(_t.user_id == user_id, _t.name == name)).rowcount == 1
