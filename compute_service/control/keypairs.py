"""Key pairs of users: made here or brought along, as many as quota allows."""

from __future__ import annotations

import re

from compute_service.control.keys import KeyType, fingerprint_of, new_key
from compute_service.control.notices import tell_keypair
from compute_service.control.quota import limits_in
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound, OverQuota
from compute_service.domain.keypair import Keypair
from compute_service.domain.quota import UNLIMITED
from compute_service.domain.record import Record
from compute_service.store.keypairs import keypair_count, keypair_delete, keypair_get, keypair_insert
from compute_service.store.quotas import quota_lock

_NAME = re.compile(r"[A-Za-z0-9 _\-]{1,255}")
_WIDE_NAME = re.compile(r"[A-Za-z0-9 _@.\-]{1,255}")


class NewKeypair(Record):
    """A key pair that was kept; `private_key` only when it was made here."""

    keypair: Keypair
    private_key: str | None = None


def check_name(name: str, wide: bool = True) -> None:
    """Refuse what cannot be a key pair's name; `wide` allows `@` and `.` (from 2.92). Raises Invalid."""
    if not (_WIDE_NAME if wide else _NAME).fullmatch(name) or name != name.strip():
        raise Invalid(f"Keypair data is invalid: '{name}' cannot be the name of a key pair.")


def create_keypair(
    ctx: Context, svc: Services, user_id: str, name: str, kind: KeyType = "ssh", public_key: str | None = None
) -> NewKeypair:
    """Keep a user's public key, or make a key pair when none is given.

    Raises Invalid (bad name or key), OverQuota, Conflict (the user has one of that name).
    """
    check_name(name)
    verb = "create" if public_key is None else "import"
    wanted = Keypair(user_id=user_id, name=name, type=kind, public_key="", fingerprint="")
    tell_keypair(svc, verb, "start", wanted, ctx.project_id)
    made = new_key(kind, user_id) if public_key is None else None
    public = made.public_key if made is not None else public_key or ""
    fingerprint = made.fingerprint if made is not None else fingerprint_of(public, kind)
    keypair = wanted.replace(public_key=public, fingerprint=fingerprint)
    with svc.store.api.write() as tx:
        quota_lock(tx, user_id)
        limit = limits_in(tx, svc.settings, ctx.project_id, user_id)["key_pairs"]
        if limit != UNLIMITED and keypair_count(tx, user_id) >= limit:
            raise OverQuota("Quota exceeded, too many key pairs.")
        kept = keypair_insert(tx, keypair.replace(created_at=svc.clock.now()))
    tell_keypair(svc, verb, "end", kept, ctx.project_id)
    return NewKeypair(keypair=kept, private_key=None if made is None else made.private_key)


def delete_keypair(ctx: Context, svc: Services, user_id: str, name: str) -> None:
    """Remove a user's key pair; servers that have it keep it. Raises NotFound."""
    with svc.store.api.write() as tx:
        seen = keypair_get(tx, user_id, name) if svc.notify.forms else None
        if not keypair_delete(tx, user_id, name):
            raise NotFound(f"Keypair {name} not found for user {user_id}")
    if seen is not None:
        tell_keypair(svc, "delete", "start", seen, ctx.project_id)
        tell_keypair(svc, "delete", "end", seen, ctx.project_id)
