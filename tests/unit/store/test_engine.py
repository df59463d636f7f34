"""The store: its databases, cells that come and go, and questions to many."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from compute_service.domain.errors import ComputeError, Invalid, NotFound, Unavailable
from compute_service.domain.host import CELL0, Cell
from compute_service.store.database import Database
from compute_service.store.embedded import embedded_store
from compute_service.store.engine import Store, StoreUrls
from compute_service.store.instances import InstanceQuery, instance_get, instance_insert, instance_page
from compute_service.store.mappings import (
    cell_mapping_insert,
    cell_mapping_update,
    host_mapping_insert,
    instance_mapping_insert,
)
from compute_service.store.schema.upgrade import sync_database
from compute_service.store.servers import server_locate, server_page
from compute_service.store.tables.instances import instances
from tests.fixtures.records import a_mapping, an_instance
from tests.fixtures.stores import EAST, WEST


@pytest.fixture
def files(tmp_path: Path) -> Store:
    """A store in files, with the cells east and west."""
    return embedded_store(tmp_path, cells=("east", "west"))


def _break(tmp_path: Path, cell: str) -> None:
    for path in tmp_path.glob(f"{cell}.sqlite*"):
        path.unlink()
    (tmp_path / f"{cell}.sqlite").mkdir()


def test_what_a_block_wrote_is_undone_when_it_raises(cell: Database) -> None:
    new = an_instance()

    def half() -> None:
        with cell.write() as tx:
            instance_insert(tx, new)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with cell.read() as tx:
        assert instance_get(tx, new.uuid) is None


def test_what_is_written_alone_stays_though_the_block_raises(cell: Database) -> None:
    new = an_instance()

    def half() -> None:
        with cell.alone() as tx:
            instance_insert(tx, new)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with cell.read() as tx:
        assert instance_get(tx, new.uuid) is not None


def test_a_transaction_counts_its_statements(cell: Database) -> None:
    with cell.read() as tx:
        instance_get(tx, "a")
        instance_get(tx, "b")
        assert tx.statements == 2
        assert tx.database == EAST


def test_an_observer_is_told_of_each_statement() -> None:
    told: list[tuple[str, str, float]] = []
    store = embedded_store(observe=lambda *what: told.append(what))
    told.clear()
    with store.api.read() as tx:
        instance_get(tx, "a")
    ((name, kind, seconds),) = told
    assert (name, kind) == ("api", "Select")
    assert 0 < seconds < 5


def test_a_write_inside_a_write_is_a_mistake_told_at_once() -> None:
    store = embedded_store()
    with store.api.write(), pytest.raises(RuntimeError, match="inside another"), store.api.write():
        pass
    with store.api.write() as tx:
        assert instance_get(tx, "a") is None


def test_a_read_inside_a_transaction_in_memory_sees_what_it_wrote() -> None:
    store = embedded_store()
    new = an_instance()
    with store.api.write() as tx:
        instance_insert(tx, new)
        with store.api.read() as inner:
            assert instance_get(inner, new.uuid) is not None


def test_threads_take_turns_at_a_database_in_memory() -> None:
    database = embedded_store().api
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(20):
                with database.write() as tx:
                    new = instance_insert(tx, an_instance())
                with database.read() as tx:
                    assert instance_get(tx, new.uuid) == new
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    with database.read() as tx:
        assert len(instance_page(tx, InstanceQuery())) == 80


def test_a_reader_of_a_file_keeps_its_snapshot_while_another_writes(files: Store) -> None:
    new = an_instance()
    with files.api.read() as reader:
        assert instance_get(reader, new.uuid) is None
        with files.api.write() as writer:
            instance_insert(writer, new)
        assert instance_get(reader, new.uuid) is None
    with files.api.read() as reader:
        assert instance_get(reader, new.uuid) is not None


def test_foreign_keys_hold(store: Store) -> None:
    with store.api.write() as tx, pytest.raises(NotFound):
        host_mapping_insert(tx, "h", "unknown")


def test_disabled_cells_and_cell0_are_told_apart(store: Store) -> None:
    with store.api.write() as tx:
        cell_mapping_update(tx, WEST, disabled=True)
    store.refresh()
    assert [c.uuid for c in store.cells()] == [EAST]
    assert [c.uuid for c in store.cells(include_disabled=True)] == [EAST, WEST]
    assert store.names() == ("api", CELL0, EAST, WEST)
    with store.api.write() as tx:
        cell_mapping_update(tx, WEST, disabled=False)
    store.refresh()


def test_the_mappings_are_read_once_in_a_while(store: Store) -> None:
    store.cells()
    before = store.api.statements
    for _ in range(10):
        store.cells()
        store.database(EAST)
    assert store.api.statements == before


def test_a_new_cell_is_found_at_once_by_name(files: Store, tmp_path: Path) -> None:
    files.cells()
    north = Cell(
        uuid="3f3c0f4e-5b0b-4a3c-8a55-7d8b8f0b6a11",
        name="north",
        transport_url="none:///",
        database_connection=f"sqlite:///{tmp_path}/north.sqlite",
    )
    with files.api.write() as tx:
        cell_mapping_insert(tx, north)
    sync_database(files.database(north.uuid), "cell")
    assert files.database(north.uuid).name == north.uuid
    assert len(files.cells()) == 3


def test_an_unknown_cell_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="Cell nowhere"):
        store.database("nowhere")


def test_a_cell_whose_address_changes_is_reached_at_the_new_one(files: Store, tmp_path: Path) -> None:
    new = an_instance()
    with files.database(EAST).write() as tx:
        instance_insert(tx, new)
    with files.api.write() as tx:
        cell_mapping_update(tx, EAST, database_connection=f"sqlite:///{tmp_path}/moved.sqlite")
    files.refresh()
    sync_database(files.database(EAST), "cell")
    with files.database(EAST).read() as tx:
        assert instance_get(tx, new.uuid) is None


def test_templates_are_filled_from_this_process_urls(tmp_path: Path) -> None:
    urls = StoreUrls(
        api=f"sqlite:///{tmp_path}/api.sqlite",
        cell=f"sqlite:///{tmp_path}/ignored",
        transport="rabbit://u:p@broker:5672/",
    )
    store = Store(urls)
    sync_database(store.api, "api")
    with store.api.write() as tx:
        cell_mapping_insert(
            tx,
            Cell(
                uuid=EAST,
                transport_url="rabbit://{username}:{password}@{hostname}:{port}/east",
                database_connection="{scheme}:///" + f"{tmp_path}/east.sqlite",
            ),
        )
    (cell,) = store.cells()
    assert cell.transport_url == "rabbit://u:p@broker:5672/east"
    assert cell.database_connection == f"sqlite:///{tmp_path}/east.sqlite"


def test_the_password_is_not_shown_by_a_database() -> None:
    assert "sesame" not in str(Database("api", "mysql://nova:sesame@127.0.0.1/nova").url)


def test_a_fault_does_not_show_what_a_user_stored(cell: Database) -> None:
    def put() -> None:
        with cell.write() as tx:
            tx.execute(instances.insert(), {"uuid": "u", "user_data": "sesame"})

    with pytest.raises(DBAPIError) as fault:
        put()
    assert "sesame" not in str(fault.value).partition("[SQL:")[2]


def test_all_cells_are_asked_and_errors_stand_in_place_of_answers(store: Store) -> None:
    def ask(tx: object) -> str:
        name: str = tx.database
        if name == WEST:
            raise Invalid("no")
        return name

    answers = store.fan_out(ask)
    assert list(answers) == [EAST, WEST]
    assert answers[EAST] == EAST
    assert isinstance(answers[WEST], Invalid)
    assert list(store.fan_out(ask, ["api", CELL0])) == ["api", CELL0]


def test_a_fault_in_a_question_is_raised(store: Store) -> None:
    def ask(tx: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.fan_out(ask)


def test_a_cell_that_is_down_is_left_alone_for_a_while(files: Store, tmp_path: Path) -> None:
    files.close()
    _break(tmp_path, "west")

    asked: list[str] = []

    def ask(tx: object) -> int:
        asked.append(tx.database)
        return len(instance_page(tx, InstanceQuery()))

    answers = files.fan_out(ask)
    assert answers[EAST] == 0
    assert isinstance(answers[WEST], Unavailable)
    (tmp_path / "west.sqlite").rmdir()
    sync_database(files.database(WEST), "cell")
    assert isinstance(files.fan_out(ask)[WEST], Unavailable)
    files.refresh()
    assert files.fan_out(ask)[WEST] == 0


def test_servers_of_a_cell_that_is_down_are_known_in_part(files: Store, tmp_path: Path) -> None:
    here, there, other, gone = an_instance(), an_instance(), an_instance(project_id="q"), an_instance()
    with files.api.write() as tx:
        instance_mapping_insert(tx, a_mapping(here, EAST))
        for server in (there, other):
            instance_mapping_insert(tx, a_mapping(server, WEST))
        instance_mapping_insert(tx, a_mapping(gone, WEST, deleted=True))
    with files.database(EAST).write() as tx:
        instance_insert(tx, here)
    files.close()
    _break(tmp_path, "west")
    page = server_page(files, InstanceQuery(project_id="project"))
    assert [s.instance.uuid for s in page.servers] == [here.uuid]
    assert page.down_cells == (WEST,)
    assert [(d.uuid, d.project_id, d.cell, d.created_at) for d in page.down] == [
        (there.uuid, "project", WEST, there.created_at)
    ]
    assert {d.uuid for d in server_page(files, InstanceQuery()).down} == {there.uuid, other.uuid}
    with pytest.raises(Unavailable):
        server_locate(files, there.uuid)


def test_the_api_database_being_down_fails_a_list(files: Store, tmp_path: Path) -> None:
    files.cells()
    files.close()
    _break(tmp_path, "api")
    with pytest.raises(Unavailable):
        server_page(files, InstanceQuery())


def test_work_in_cells_goes_on_while_the_api_database_is_down(files: Store, tmp_path: Path) -> None:
    files.cells()
    files.close()
    _break(tmp_path, "api")
    files.refresh()
    with files.database(EAST).read() as tx:
        assert instance_get(tx, "a") is None


def test_a_database_without_schema_says_so(tmp_path: Path) -> None:
    bare = Database("api", f"sqlite:///{tmp_path}/bare.sqlite")
    with pytest.raises(Unavailable, match="schema"), bare.read() as tx:
        instance_get(tx, "a")


def test_a_lock_that_is_not_given_is_unavailable(tmp_path: Path) -> None:
    from compute_service.store.database import EngineOptions

    url = f"sqlite:///{tmp_path}/api.sqlite"
    mine = Database("api", url)
    sync_database(mine, "api")
    other = Database("api", url, EngineOptions(lock_timeout=0))
    started = time.monotonic()
    with mine.write(), pytest.raises(Unavailable, match="lock"), other.write():
        pass
    assert time.monotonic() - started < 5


def test_an_answer_that_takes_too_long_counts_as_down(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    if store.api.is_local:
        pytest.skip("a database of this machine is asked in turn")
    release = threading.Event()

    def ask(tx: object) -> int:
        if tx.database == WEST:
            release.wait(10)
        return 1

    try:
        answers: dict[str, int | ComputeError] = store.fan_out(ask, timeout=0.2)
        assert answers[EAST] == 1
        assert isinstance(answers[WEST], Unavailable)
        assert isinstance(store.fan_out(lambda tx: 1)[WEST], Unavailable)
        monkeypatch.setattr(Store, "REST", 0.0)
        assert isinstance(store.fan_out(lambda tx: 1)[WEST], Unavailable), "the first question still hangs"
        release.set()
        deadline = time.monotonic() + 10
        while store.fan_out(lambda tx: 1)[WEST] != 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        release.set()
        store.refresh()
