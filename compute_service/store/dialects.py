"""What differs between SQLite, MariaDB or MySQL, and PostgreSQL."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from compute_service.domain.errors import ComputeError, Invalid, Stale, Unavailable

if TYPE_CHECKING:
    from compute_service.store.database import EngineOptions

_DEADLOCKED: dict[str, frozenset[Any]] = {
    "mysql": frozenset({1213, 1020}),
    "postgresql": frozenset({"40P01", "40001"}),
    "sqlite": frozenset(),
}
_LOCKED: dict[str, frozenset[Any]] = {
    "mysql": frozenset({1205, 3572}),
    "postgresql": frozenset({"55P03"}),
    "sqlite": frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_TIMEOUT"}),
}
_NO_SCHEMA: dict[str, frozenset[Any]] = {
    "mysql": frozenset({1146, 1054}),
    "postgresql": frozenset({"42P01", "42703"}),
    "sqlite": frozenset(),
}
_BAD_PATTERN: dict[str, frozenset[Any]] = {
    "mysql": frozenset({1139, 3685, 3686, 3688, 3692, 3696}),
    "postgresql": frozenset({"2201B"}),
    "sqlite": frozenset(),
}
_BEGIN = {
    "sqlite": "BEGIN IMMEDIATE",
    "mysql": "START TRANSACTION",
    "postgresql": "BEGIN ISOLATION LEVEL READ COMMITTED",
}


_COMMON: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    # Errors end up in logs: they name the statement, and not what users put into it.
    "hide_parameters": True,
}


def make_engine(url: URL, options: EngineOptions) -> Engine:
    """Return an engine whose connections are in autocommit and speak UTF-8."""
    make = {"sqlite": _sqlite, "mysql": _mysql, "postgresql": _postgresql}[url.get_backend_name()]
    return make(url, options)


def in_memory(url: URL) -> bool:
    """Tell whether a SQLite URL names no file."""
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def _sqlite(url: URL, options: EngineOptions) -> Engine:
    settings: dict[str, Any] = {"connect_args": {"timeout": options.lock_timeout, "check_same_thread": False}}
    if in_memory(url):
        settings["poolclass"] = StaticPool
    else:
        settings |= {"pool_size": options.pool_size, "max_overflow": options.max_overflow}
    engine = create_engine(url, **_COMMON, **settings)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        _write_ahead(connection, options.lock_timeout)
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("regexp", 2, _regexp, deterministic=True)

    return engine


def _write_ahead(connection: sqlite3.Connection, seconds: float) -> None:
    """Turn the write-ahead log on. Where two do so at once, SQLite refuses one without waiting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def _regexp(pattern: str, value: str | None) -> bool | None:
    """Answer `value REGEXP pattern`, for which SQLite has no code of its own."""
    return None if value is None else _compiled(pattern).search(str(value)) is not None


def _mysql(url: URL, options: EngineOptions) -> Engine:
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    decoders = {**conversions, FIELD_TYPE.DATETIME: datetime.fromisoformat}
    engine = create_engine(
        url.difference_update_query(("charset",)),
        **_COMMON,
        connect_args={
            "charset": "utf8mb4",
            "conv": decoders,
            "connect_timeout": options.connect_timeout,
            "read_timeout": options.statement_timeout,
            "write_timeout": options.statement_timeout,
            # Else newer releases of the driver try TLS by themselves and, for that, read all certificates
            # of the system into each connection: a megabyte, and time, for a server that nobody verifies.
            "ssl_disabled": not any(name.startswith("ssl") for name in url.query),
        },
        **_pool(options),
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute(
                "SET SESSION innodb_lock_wait_timeout=%s, sql_mode='TRADITIONAL',"
                " group_concat_max_len=1048576",
                (options.lock_timeout,),
            )

    return engine


def _postgresql(url: URL, options: EngineOptions) -> Engine:
    settings = (
        f"-c lock_timeout={options.lock_timeout}s -c statement_timeout={options.statement_timeout}s"
        " -c timezone=UTC"
    )
    return create_engine(
        url,
        **_COMMON,
        connect_args={"connect_timeout": options.connect_timeout, "options": settings},
        **_pool(options),
    )


def _pool(options: EngineOptions) -> dict[str, Any]:
    return {
        "pool_size": options.pool_size,
        "max_overflow": options.max_overflow,
        "pool_timeout": options.pool_timeout,
        "pool_recycle": options.recycle,
        "pool_use_lifo": True,
    }


def begin(connection: Connection) -> None:
    """Begin a write transaction; a pooled connection that died meanwhile is replaced once."""
    statement = _BEGIN[connection.dialect.name]
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        connection.rollback()
        connection.exec_driver_sql(statement)


def end(connection: Connection, word: str) -> None:
    """End a transaction that is given up; a connection that cannot even do that is thrown away."""
    if connection.invalidated:
        return
    try:
        connection.exec_driver_sql(word)
    except DBAPIError:
        connection.invalidate()


class DatabaseDown(Unavailable):
    """A database cannot be reached or let us in, as against one that is busy."""


class Turns:
    """Turns of this process's threads at a SQLite database.

    Writers queue fairly here rather than in SQLite's busy loop. A database in memory has one connection, so
    there readers take turns too. Servers need none.
    """

    WAIT = 60.0

    def __init__(self, url: URL) -> None:
        self._lock = threading.RLock() if url.get_backend_name() == "sqlite" else None
        self._readers_too = in_memory(url)
        self._writing = False

    @contextmanager
    def write(self) -> Iterator[None]:
        """Wait for the turn to write. Raises Unavailable after a minute."""
        if self._lock is None:
            yield
            return
        with self._turn(self._lock):
            if self._writing:
                raise RuntimeError("a write was begun inside another one on the same database")
            self._writing = True
            try:
                yield
            finally:
                self._writing = False

    @contextmanager
    def read(self) -> Iterator[None]:
        """Wait for the turn to read, where readers must."""
        if self._lock is None or not self._readers_too:
            yield
            return
        with self._turn(self._lock):
            yield

    @contextmanager
    def _turn(self, lock: threading.RLock) -> Iterator[None]:
        if not lock.acquire(timeout=self.WAIT):
            raise Unavailable("The database is busy.")
        try:
            yield
        finally:
            lock.release()


def _code(backend: str, error: DBAPIError) -> Any:
    origin = error.orig
    if backend == "postgresql":
        return getattr(origin, "sqlstate", None)
    if backend == "sqlite":
        return getattr(origin, "sqlite_errorname", None)
    return origin.args[0] if origin is not None and origin.args else None


def is_duplicate(backend: str, error: DBAPIError) -> bool:
    """Tell whether an error means that a unique key exists already."""
    code = _code(backend, error)
    return code in (1062, "23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")


def domain_error(name: str, backend: str, error: DBAPIError) -> ComputeError | None:
    """Return what a driver's error means to callers, or None when it is a fault of ours."""
    code = _code(backend, error)
    text = str(error.orig)
    if code in _DEADLOCKED[backend]:
        return Stale(f"A transaction in database {name} met another one.")
    if code in _LOCKED[backend]:
        return Unavailable(f"Database {name} did not give a lock in time.")
    if code in _NO_SCHEMA[backend] or "no such table" in text or "no such column" in text:
        return Unavailable(f"Database {name} lacks the schema of this release.")
    if mistake := _mistake(backend, code, text):
        return Invalid(mistake)
    if error.connection_invalidated or _is_connection_failure(backend, code, text):
        return DatabaseDown(f"Database {name} does not answer.")
    return None


def _mistake(backend: str, code: Any, text: str) -> str | None:
    """Return what the caller gave that the database cannot take."""
    if code in _BAD_PATTERN[backend] or "user-defined function raised exception" in text:
        return "A filter is not a valid regular expression."
    if "cannot contain NUL" in text:
        return "Text cannot contain the character NUL."
    return None


def _is_connection_failure(backend: str, code: Any, text: str) -> bool:
    if backend == "postgresql":
        return code is None or str(code)[:2] in ("08", "57", "53", "28", "3D")
    if backend == "sqlite":
        return "unable to open database" in text or code in ("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_FULL")
    return code in (
        1040,
        1044,
        1045,
        1049,
        1053,
        1129,
        1130,
        1152,
        1158,
        1159,
        1160,
        1161,
        1203,
        3024,
        1969,
    ) or (isinstance(code, int) and 2000 <= code < 2100)
