"""Connections to servers: what they cost, and what happens when they break."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from compute_service.domain.errors import Stale, Unavailable
from compute_service.store.database import Database, EngineOptions, Tx
from compute_service.store.instances import instance_get, instance_insert, instance_update
from compute_service.store.quotas import quota_lock
from tests.fixtures.records import an_instance

pytestmark = pytest.mark.integration


def _is_mysql(database: Database) -> bool:
    return database.url.get_backend_name() == "mysql"


def _id(tx: Tx) -> int:
    return int(
        tx.scalar(text("SELECT CONNECTION_ID()" if tx.dialect == "mysql" else "SELECT pg_backend_pid()"))
    )


def _cut(server: Database, connection: int) -> None:
    """End a connection from the server's side, as a restart of the server would."""
    other = Database("other", server.url.render_as_string(hide_password=False))
    with other.read() as tx:
        tx.execute(
            text(
                f"KILL {connection}"
                if tx.dialect == "mysql"
                else f"SELECT pg_terminate_backend({connection})"
            )
        )
    other.close()
    time.sleep(0.1)


def test_a_read_outlives_a_connection_that_broke_while_idle(server: Database) -> None:
    with server.read() as tx:
        connection = _id(tx)
    _cut(server, connection)
    with server.read() as tx:
        assert _id(tx) != connection


def test_a_write_outlives_a_connection_that_broke_while_idle(server: Database) -> None:
    new = an_instance()
    with server.read() as tx:
        connection = _id(tx)
    _cut(server, connection)
    with server.write() as tx:
        instance_insert(tx, new)
    with server.read() as tx:
        assert instance_get(tx, new.uuid) is not None


def test_a_write_that_loses_its_connection_writes_nothing(server: Database) -> None:
    new = an_instance()

    def half() -> None:
        with server.write() as tx:
            instance_insert(tx, new)
            _cut(server, _id(tx))
            instance_insert(tx, an_instance())

    with pytest.raises(Unavailable, match="does not answer"):
        half()
    with server.read() as tx:
        assert instance_get(tx, new.uuid) is None


def test_reads_cost_no_transaction(server: Database) -> None:
    if not _is_mysql(server):
        pytest.skip("only MariaDB counts the words")

    def words() -> dict[str, int]:
        watch = Database("watch", server.url.render_as_string(hide_password=False))
        with watch.read() as tx:
            rows = tx.all(
                text("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_begin','Com_commit','Com_rollback')")
            )
        watch.close()
        return {name: int(count) for name, count in rows}

    with server.read() as tx:
        instance_get(tx, "warm")
    before = words()
    for _ in range(5):
        with server.read() as tx:
            instance_get(tx, "a")
            instance_get(tx, "b")
    assert words() == before
    with server.write() as tx:
        instance_insert(tx, an_instance())
    after = words()
    assert {name: after[name] - before[name] for name in after} == {
        "Com_begin": 1,
        "Com_commit": 1,
        "Com_rollback": 0,
    }


def test_a_deadlock_costs_one_of_two_its_turn(server: Database) -> None:
    with server.write() as tx:
        one, two = instance_insert(tx, an_instance()), instance_insert(tx, an_instance())
    met = threading.Barrier(2)
    outcomes: list[str] = []

    def act(first: Any, second: Any) -> None:
        try:
            with server.write() as tx:
                instance_update(tx, first, progress=1)
                met.wait(10)
                instance_update(tx, second, progress=2)
            outcomes.append("done")
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=act, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["done", "stale"]


def test_a_lock_that_is_not_given_is_unavailable_in_time(server: Database) -> None:
    started = time.monotonic()

    def second() -> None:
        with server.write() as tx:
            quota_lock(tx, "held")

    with server.write() as holder:
        quota_lock(holder, "held")
        with pytest.raises(Unavailable, match="lock"):
            second()
    assert time.monotonic() - started < 8


def test_what_another_committed_is_seen_by_the_next_statement(server: Database) -> None:
    new = an_instance()
    with server.write() as mine:
        assert instance_get(mine, new.uuid) is None
        with server.write() as other:
            instance_insert(other, new)
        assert instance_get(mine, new.uuid) is not None


def test_a_failed_statement_that_was_passed_over_commits_nothing(server: Database) -> None:
    new = an_instance()

    def put() -> None:
        with server.write() as tx:
            instance_insert(tx, new)
            with pytest.raises(DBAPIError):
                tx.execute(text("SELECT no_such_thing"))

    if _is_mysql(server):
        put()
    else:
        with pytest.raises(RuntimeError, match="passed over"):
            put()
    with server.read() as tx:
        assert (instance_get(tx, new.uuid) is not None) == _is_mysql(server)


def test_a_text_that_is_too_long_is_refused_and_not_cut(server: Database) -> None:
    def put() -> None:
        with server.write() as tx:
            instance_insert(tx, an_instance(display_name="x" * 256))

    with pytest.raises(DBAPIError):
        put()


def test_a_server_that_is_not_there_is_unavailable_at_once(server: Database) -> None:
    gone = Database("gone", server.url.set(port=1).render_as_string(hide_password=False), EngineOptions())
    started = time.monotonic()
    with pytest.raises(Unavailable), gone.read() as tx:
        instance_get(tx, "a")
    with pytest.raises(Unavailable), gone.write() as tx:
        instance_get(tx, "a")
    assert time.monotonic() - started < 5


def test_a_wrong_password_is_unavailable_and_not_told(server: Database) -> None:
    url = server.url.set(password="sesame").render_as_string(hide_password=False)
    with pytest.raises(Unavailable) as refused, Database("api", url).read() as tx:
        instance_get(tx, "a")
    assert "sesame" not in refused.value.message


def test_a_pool_that_is_used_up_is_unavailable(server: Database) -> None:
    options = EngineOptions(pool_size=1, max_overflow=0, pool_timeout=0.2)
    small = Database("small", server.url.render_as_string(hide_password=False), options)
    with small.read() as tx:
        instance_get(tx, "a")
        with pytest.raises(Unavailable, match="no free connection"), small.read():
            pass
    small.close()
