"""What is to be done for MariaDB's users to be as they should."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.bundle.conftest import Load

HASH = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
"""Of the word `password`, as MariaDB's PASSWORD() tells."""
USERS = [
    {"user": "nova", "password": "password", "name": "nova_api"},
    {"user": "nova", "password": "password", "name": "nova"},
]


@pytest.fixture
def users(load: Load) -> Any:
    return load("database_users")


def told(users: Any, known: list[tuple[str, ...]], granted: list[tuple[str, ...]]) -> list[str]:
    rows = {users.KNOWN: known, users.GRANTED: granted}
    return [one for one, _, _ in users.missing(USERS, ["%"], lambda query, words: rows[query])]


def test_a_password_is_compared_as_mariadb_keeps_it(users: Any) -> None:
    assert users.password_hash("password") == HASH


def test_nothing_is_done_for_users_that_are_as_they_should_be(users: Any) -> None:
    known = [("nova", "%", users.PLUGIN, HASH)]
    assert told(users, known, [("nova", "%", "nova\\_api"), ("nova", "%", "nova")]) == []
    assert told(users, known, [("nova", "%", "nova_api"), ("nova", "%", "nova")]) == []


def test_users_and_grants_that_are_missing_are_made(users: Any) -> None:
    assert told(users, [], []) == ["nova@% made", "nova_api given to nova@%", "nova given to nova@%"]


@pytest.mark.parametrize("row", [("mysql_native_password", "*00"), ("unix_socket", HASH)])
def test_a_password_that_differs_is_set(users: Any, row: tuple[str, str]) -> None:
    granted = [("nova", "%", "nova_api"), ("nova", "%", "nova")]
    assert told(users, [("nova", "%", *row)], granted) == ["password of nova@% set"]


def test_no_password_is_part_of_a_statement_or_of_what_is_told(users: Any) -> None:
    rows: dict[str, list[Any]] = {users.KNOWN: [], users.GRANTED: []}
    for one, statement, _ in users.missing(USERS, ["%"], lambda query, words: rows[query]):
        assert "password'" not in statement
        assert "password" not in one
