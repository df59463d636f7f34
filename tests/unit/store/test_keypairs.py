"""Key pairs."""

from __future__ import annotations

import pytest

from compute_service.domain.errors import Conflict, Invalid
from compute_service.domain.keypair import Keypair
from compute_service.store.database import Database
from compute_service.store.keypairs import (
    keypair_count,
    keypair_delete,
    keypair_get,
    keypair_insert,
    keypair_page,
)
from tests.fixtures.stores import EPOCH


def _keypair(name: str, user_id: str = "user") -> Keypair:
    return Keypair(user_id=user_id, name=name, public_key="ssh-ed25519 AAAA", fingerprint="aa:bb")


def test_a_key_pair_comes_back_as_it_was_put_in(api: Database) -> None:
    with api.write() as tx:
        stored = keypair_insert(tx, _keypair("k"))
        assert stored == _keypair("k").replace(id=stored.id, created_at=EPOCH)
        assert keypair_get(tx, "user", "k") == stored
        assert keypair_get(tx, "other", "k") is None


def test_names_of_key_pairs_are_taken_once_a_user(api: Database) -> None:
    with api.write() as tx:
        keypair_insert(tx, _keypair("k"))
        keypair_insert(tx, _keypair("K"))
        keypair_insert(tx, _keypair("k", "other"))
        with pytest.raises(Conflict, match="'k' already exists"):
            keypair_insert(tx, _keypair("k"))
        assert keypair_count(tx, "user") == 2


def test_key_pairs_are_paged_by_name(api: Database) -> None:
    with api.write() as tx:
        for name in ("c", "a", "b"):
            keypair_insert(tx, _keypair(name))
        keypair_insert(tx, _keypair("0", "other"))
        assert [k.name for k in keypair_page(tx, "user", limit=2)] == ["a", "b"]
        assert [k.name for k in keypair_page(tx, "user", marker="b")] == ["c"]
        with pytest.raises(Invalid, match="0"):
            keypair_page(tx, "user", marker="0")


def test_a_key_pair_is_deleted_once(api: Database) -> None:
    with api.write() as tx:
        keypair_insert(tx, _keypair("k"))
        assert not keypair_delete(tx, "other", "k")
        assert keypair_delete(tx, "user", "k")
        assert not keypair_delete(tx, "user", "k")
