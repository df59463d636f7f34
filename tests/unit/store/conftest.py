"""Every test here runs on SQLite, and as an integration test on MariaDB and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compute_service.store.database import Database
from compute_service.store.engine import Store
from tests.fixtures.stores import EAST, EPOCH, Times, empty, make_store

BACKENDS = [
    "sqlite",
    pytest.param("mariadb", marks=pytest.mark.integration),
    pytest.param("postgresql", marks=pytest.mark.integration),
]


@pytest.fixture(scope="session")
def all_times() -> Times:
    return Times()


@pytest.fixture(scope="session", params=BACKENDS)
def kept_store(request: pytest.FixtureRequest, all_times: Times) -> Iterator[Store]:
    if request.param == "sqlite":
        store = make_store(lambda: "sqlite://", all_times)
    else:
        store = make_store(request.getfixturevalue(f"{request.param}_url_factory"), all_times)
    yield store
    store.close()


@pytest.fixture
def store(kept_store: Store, times: Times) -> Store:
    """An empty store with the cells east and west."""
    empty(kept_store)
    return kept_store


@pytest.fixture
def times(all_times: Times) -> Times:
    """The store's time, at EPOCH when a test begins."""
    all_times.value = EPOCH
    return all_times


@pytest.fixture
def api(store: Store) -> Database:
    return store.api


@pytest.fixture
def cell(store: Store) -> Database:
    """The cell east."""
    return store.database(EAST)
