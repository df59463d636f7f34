"""Tokens of consoles."""

from __future__ import annotations

from compute_service.domain.console import Console, ConsoleToken, token_hash
from compute_service.store.console_tokens import (
    console_token_get,
    console_token_insert,
    console_tokens_purge,
)
from compute_service.store.database import Database

CONSOLE = Console(type="spice-direct", host="h", port=5901, tls_port=5902, path="inner", url="http://p/")


def test_a_token_is_found_by_its_hash_until_it_runs_out(cell: Database) -> None:
    token = ConsoleToken(server="s", console=CONSOLE, expires=100.0)
    with cell.write() as tx:
        console_token_insert(tx, token_hash("one"), token)
    with cell.read() as tx:
        assert console_token_get(tx, token_hash("one"), 99.0) == token
        assert console_token_get(tx, token_hash("one"), 100.0) is None
        assert console_token_get(tx, token_hash("two"), 0.0) is None
        assert console_token_get(tx, "one", 0.0) is None


def test_only_so_many_old_tokens_are_removed_at_a_time(cell: Database) -> None:
    with cell.write() as tx:
        for number in range(5):
            console_token_insert(tx, str(number), ConsoleToken(server="s", console=CONSOLE, expires=number))
        assert [console_tokens_purge(tx, 3.0, 3) for _ in range(3)] == [3, 1, 0]
        assert console_token_get(tx, "4", 3.0) is not None
