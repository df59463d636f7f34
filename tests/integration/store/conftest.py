"""Stores on each database, in files where it is SQLite, for tests of what only several connections show."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compute_service.store.database import Database, EngineOptions
from compute_service.store.engine import Store
from tests.fixtures.stores import EPOCH, make_store

pytestmark = pytest.mark.integration
SHORT = EngineOptions(lock_timeout=2, connect_timeout=3)


def _url_factory(request: pytest.FixtureRequest, kind: str, place: Path) -> Callable[[], str]:
    if kind == "sqlite":
        numbers = itertools.count()
        return lambda: f"sqlite:///{place}/{next(numbers)}.sqlite"
    factory: Callable[[], str] = request.getfixturevalue(f"{kind}_url_factory")
    return factory


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store on each of the three."""
    made = make_store(_url_factory(request, request.param, tmp_path), lambda: EPOCH)
    yield made
    made.close()


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An API database on each of the two servers, with short patience."""
    made = make_store(_url_factory(request, request.param, Path()), lambda: EPOCH, SHORT)
    yield made.api
    made.close()
