"""The schema is what the tables say, and comes about by revisions that keep the rules."""

from __future__ import annotations

import ast
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from compute_service.domain.errors import Invalid, Unavailable
from compute_service.store import schema
from compute_service.store.database import Database
from compute_service.store.schema.upgrade import Which, newest, sync, version
from compute_service.store.tables.columns import API, CELL
from tests.unit.store.conftest import BACKENDS

METADATA = {"api": API, "cell": CELL}
ROOT = Path(schema.__file__).parent
REVISIONS = sorted(ROOT.glob("*/versions/r*.py"))
TAKES_AWAY = re.compile(r"drop_(table|column|index|constraint)|rename_table|new_column_name|nullable=False")


@pytest.fixture(params=BACKENDS)
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    numbers = iter(range(1000))
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path}/{next(numbers)}.sqlite"
    else:
        yield request.getfixturevalue(f"{request.param}_url_factory")


@pytest.mark.parametrize("which", ["api", "cell"])
def test_revisions_lead_to_the_tables_as_the_code_has_them(
    fresh_url: Callable[[], str], which: Which
) -> None:
    url = fresh_url()
    sync(url, which)
    database = Database(which, url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA[which]) == []
        names = set(inspect(connection).get_table_names())
    assert names == {*METADATA[which].tables, "alembic_version"}
    database.close()


def test_a_database_tells_its_revision(fresh_url: Callable[[], str]) -> None:
    url = fresh_url()
    assert version(url, "cell") is None
    assert sync(url, "cell") == newest("cell") == version(url, "cell")


def test_making_the_schema_again_changes_nothing(fresh_url: Callable[[], str]) -> None:
    url = fresh_url()
    assert sync(url, "api") == sync(url, "api") == sync(url, "api", newest("api"))


def test_an_unknown_revision_is_refused(fresh_url: Callable[[], str]) -> None:
    with pytest.raises(Invalid, match="4711"):
        sync(fresh_url(), "api", "4711")


def test_several_processes_may_make_the_schema_at_once(fresh_url: Callable[[], str]) -> None:
    url, answers = fresh_url(), []

    def work() -> None:
        try:
            answers.append(sync(url, "cell"))
        except Exception as error:
            answers.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [newest("cell")] * 3


def test_a_half_made_schema_is_made_whole(fresh_url: Callable[[], str]) -> None:
    url = fresh_url()
    database = Database("cell", url)
    with database.engine.connect() as connection:
        CELL.tables["services"].create(connection)
    database.close()
    sync(url, "cell")
    with Database("cell", url).engine.connect() as connection:
        assert "instances" in inspect(connection).get_table_names()


def test_both_schemas_take_less_than_two_seconds_of_work(fresh_url: Callable[[], str]) -> None:
    first, second = fresh_url(), fresh_url()
    started, worked = time.monotonic(), time.thread_time()
    sync(first, "api")
    sync(second, "cell")
    assert time.thread_time() - worked < 2
    assert time.monotonic() - started < 20  # On a busy machine the server may be slow.


def test_a_database_out_of_reach_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        version("sqlite:////nowhere/at/all.sqlite", "api")
    with pytest.raises(Unavailable):
        sync("mysql://nova:sesame@127.0.0.1:1/nova", "api")


@pytest.mark.parametrize("path", REVISIONS, ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_a_revision_says_its_phase_and_expansion_takes_nothing_away(path: Path) -> None:
    text = path.read_text()
    constants = {
        node.targets[0].id: node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert path.stem.startswith(f"r{constants['revision']}_")
    assert re.fullmatch(r"\d{4}", constants["revision"])
    assert constants["PHASE"] in ("expand", "contract")
    assert "def downgrade" not in text
    if constants["PHASE"] == "expand" and constants["down_revision"] is not None:
        assert not TAKES_AWAY.search(text)


@pytest.mark.parametrize("which", ["api", "cell"])
def test_revisions_are_one_line_without_gaps(which: Which) -> None:
    numbers = [p.stem[1:5] for p in REVISIONS if p.parts[-3] == which]
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    assert newest(which) == numbers[-1]
