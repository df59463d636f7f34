"""Lists of twenty thousand servers: few statements, and none of them reads or sorts the whole table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compute_service.store.engine import Store
from proving.bench.lists.__main__ import Asked, ask_all
from proving.bench.lists.fill import Crowd, fill
from proving.bench.lists.place import CELL, make_store

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CROWD = Crowd(servers=20_000, large=2_000, deleted=1_000, hosts=50)
SORTED = {"all projects, deleted": 2 * CROWD.deleted, "all projects, 100 deleted": 2 * CROWD.deleted}
"""Lists that no index has in their order, and how many rows are sorted for one at most."""
STATEMENTS = 5
"""Three databases, and two more to find a marker."""


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def asked(request: pytest.FixtureRequest) -> Iterator[dict[str, Asked]]:
    """Every list, asked for once."""
    fresh = request.getfixturevalue(f"{request.param}_url_factory")
    store: Store = make_store(lambda name: fresh())
    fill(store, CELL, CROWD)
    yield {one.question.name: one for one in ask_all(store, CROWD, rounds=1)}
    store.close()


def test_a_list_is_few_statements(asked: dict[str, Asked]) -> None:
    assert {name: one.statements for name, one in asked.items() if one.statements > STATEMENTS} == {}


def test_no_list_reads_the_whole_table(asked: dict[str, Asked]) -> None:
    scanned = {
        name: [way for way in one.ways if "instances" in way.scanned]
        for name, one in asked.items()
        if not one.question.scans
    }
    assert {name: ways for name, ways in scanned.items() if ways} == {}


def test_no_list_sorts_the_whole_table(asked: dict[str, Asked]) -> None:
    most = CROWD.large // 2
    sorted_rows = {name: max((way.sorts for way in one.ways), default=0) for name, one in asked.items()}
    assert {n: rows for n, rows in sorted_rows.items() if rows > SORTED.get(n, most)} == {}


def test_pages_are_as_long_as_they_should_be(asked: dict[str, Asked]) -> None:
    lengths = {name: one.size for name, one in asked.items()}
    assert lengths["first page"] == lengths["all projects, first page"] == 1000
    assert lengths["a page in the middle"] == CROWD.large // 2 - 1
    assert lengths["the last page"] == 19
    assert lengths["hypervisors with servers"] == CROWD.hosts
    assert lengths["all projects, deleted"] == 1000
    assert 0 < lengths["status ERROR"] < lengths["all projects, ERROR"] < 1000
