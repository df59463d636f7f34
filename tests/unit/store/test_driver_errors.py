"""What errors of PostgreSQL's driver mean to callers."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from compute_service.domain.errors import Invalid
from compute_service.store import dialects
from compute_service.store.dialects import DatabaseDown


def meaning(text: str) -> object:
    origin = psycopg.OperationalError(text)
    return dialects.domain_error("api", "postgresql", DBAPIError("INSERT", None, origin))


def test_a_text_that_postgresql_cannot_keep_is_the_caller_s_mistake() -> None:
    found = meaning("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    assert isinstance(found, Invalid)
    assert "NUL" in found.message


@pytest.mark.parametrize("text", ["connection refused", "the connection is closed"])
def test_an_error_without_a_code_is_a_database_that_is_away(text: str) -> None:
    assert isinstance(meaning(text), DatabaseDown)
