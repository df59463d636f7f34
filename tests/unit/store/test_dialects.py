from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from compute_service.store.database import EngineOptions
from compute_service.store.dialects import make_engine


class _Enough(Exception):
    """Ends an attempt to connect, whose arguments are known by then."""


def arguments_of_a_connection(url: str) -> dict[str, Any]:
    """Return what the driver would be called with."""
    engine = make_engine(make_url(url), EngineOptions())
    seen: dict[str, Any] = {}

    @event.listens_for(engine, "do_connect")
    def look(_dialect: object, _record: object, _args: object, given: dict[str, Any]) -> None:
        seen.update(given)
        raise _Enough

    with pytest.raises(_Enough):
        engine.connect()
    return seen


def test_a_connection_to_mariadb_is_plain_when_its_url_says_nothing_of_tls() -> None:
    given = arguments_of_a_connection("mysql+pymysql://nova:secret@127.0.0.1/nova")
    assert given["ssl_disabled"] is True
    assert "ssl" not in given


def test_a_connection_to_mariadb_is_encrypted_when_its_url_names_an_authority() -> None:
    given = arguments_of_a_connection("mysql+pymysql://nova:secret@db.example/nova?ssl_ca=/etc/ssl/ca.pem")
    assert given["ssl_disabled"] is False
    assert given["ssl"] == {"ca": "/etc/ssl/ca.pem"}
