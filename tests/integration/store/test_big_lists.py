"""Lists of twenty thousand servers: few statements, and none of them reads or sorts the whole table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compute_service.store.archive import archive_deleted_rows
from compute_service.store.engine import Store
from proving.bench.lists.__main__ import Asked, ask_all
from proving.bench.lists.fill import Crowd, fill
from proving.bench.lists.place import CELL, make_store
from proving.bench.lists.watch import watching

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CROWD = Crowd(servers=20_000, large=2_000, deleted=1_000, hosts=50)
SORTED = {"all projects, deleted": 2 * CROWD.deleted, "all projects, 100 deleted": 2 * CROWD.deleted}
"""Lists that no index has in their order, and how many rows are sorted for one at most."""
STATEMENTS = 5
"""Three databases, and two more to find a marker."""


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def big(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store with many servers in a cell."""
    fresh = request.getfixturevalue(f"{request.param}_url_factory")
    store = make_store(lambda name: fresh())
    fill(store, CELL, CROWD)
    yield store
    store.close()


@pytest.fixture(scope="module")
def asked(big: Store) -> dict[str, Asked]:
    """Every list, asked for once."""
    return {one.question.name: one for one in ask_all(big, CROWD, rounds=1)}


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


def test_a_project_pays_for_its_own_servers_only(asked: dict[str, Asked]) -> None:
    reads = {
        n: max((w.reads for w in one.ways), default=0) for n, one in asked.items() if one.is_of_a_project
    }
    assert len(reads) > 15
    assert {name: rows for name, rows in reads.items() if rows > 1.2 * CROWD.large} == {}


@pytest.mark.parametrize("name", ["100 in the middle", "all projects, 100", "all projects, middle"])
def test_a_page_costs_what_it_shows_wherever_it_begins(asked: dict[str, Asked], name: str) -> None:
    assert max(way.reads for way in asked[name].ways) <= 120


def test_archiving_looks_at_deleted_servers_only(big: Store, asked: dict[str, Asked]) -> None:
    with watching(big) as watch:
        moved = archive_deleted_rows(big.database(CELL), max_rows=20)
    assert 0 < moved.rows["instances"] <= 20
    first = next(one for one in watch.ran if one.is_select and "NOT (EXISTS" in one.sql)
    assert first.way().reads <= 100


def test_pages_are_as_long_as_they_should_be(asked: dict[str, Asked]) -> None:
    lengths = {name: one.size for name, one in asked.items()}
    assert lengths["first page"] == lengths["all projects, first page"] == 1000
    assert lengths["a page in the middle"] == CROWD.large // 2 - 1
    assert lengths["the last page"] == 19
    assert lengths["hypervisors with servers"] == CROWD.hosts
    assert lengths["all projects, deleted"] == 1000
    assert 0 < lengths["status ERROR"] < lengths["all projects, ERROR"] < 1000
