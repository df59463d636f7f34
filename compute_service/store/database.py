"""Databases and their transactions.

Connections run in autocommit and a write transaction says BEGIN and COMMIT itself, so that a read, or a write
that stands alone, costs its own statements and no more. On the servers each statement of a read sees what is
committed when it starts (READ COMMITTED); on SQLite a read is one snapshot, and in memory nobody writes
meanwhile. A transaction lost to a deadlock raises Stale: nothing was written, begin again. A database that
does not answer raises Unavailable.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from compute_service.domain.errors import Unavailable
from compute_service.domain.instance import Instance
from compute_service.store import dialects
from compute_service.store.addresses import database_url

Values = Sequence[Any]
"""The columns of one row, in the order they were selected."""
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Observer = Callable[[str, str, float], None]
"""Called with (database name, kind such as `Select` or `Update`, seconds) after each statement."""
Hear = Callable[[Instance | None, Instance], None]
"""Called with a server as it was (None: it is new) and as it is, after that was committed. Never raises."""


def utc_now() -> datetime:
    """Return the time as records keep it: naive, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a process connects. Times in seconds."""

    pool_size: int = 5
    max_overflow: int = 50
    pool_timeout: float = 30.0
    recycle: int = 3600
    connect_timeout: int = 10
    statement_timeout: int = 60
    lock_timeout: int = 10


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Connections of this process to a database."""

    in_use: int
    idle: int
    most: int


class Tx:
    """A transaction in progress: what every store function takes first. Not to be shared by threads."""

    def __init__(self, database: Database, connection: Connection, repeatable: bool) -> None:
        self.database = database.name
        """The name of the database: `api` or a cell's UUID."""
        self.dialect = connection.dialect.name
        """`sqlite`, `mysql` (MariaDB too) or `postgresql`."""
        self.repeatable = repeatable
        """Whether its first statement may be sent again when the pooled connection turns out dead."""
        self.statements = 0
        """How many statements ran in this transaction, BEGIN and COMMIT apart."""
        self.now = database.now
        """Returns the time, naive UTC."""
        self.broken = False
        """A statement failed on PostgreSQL, which then commits nothing and does not say so."""
        self.changes: list[tuple[Instance | None, Instance]] = []
        """Servers that were changed, before and after; kept only where somebody wants to hear of them."""
        self._owner = database
        self._connection = connection

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """Run one statement; a sequence of parameters runs it for each, in one round trip where possible."""
        self.statements += 1
        started = time.perf_counter()
        try:
            result = self._connection.execute(statement, parameters)
        except DBAPIError as error:
            if not (error.connection_invalidated and self.statements == 1 and self.repeatable):
                self.broken = self.dialect == "postgresql"
                raise
            self._connection.rollback()
            result = self._connection.execute(statement, parameters)
        self._owner.observed(type(statement).__name__, time.perf_counter() - started)
        return result

    def ping(self) -> None:
        """Make sure that the database answers."""
        self._connection.exec_driver_sql("SELECT 1")

    def changed(self, before: Instance | None, now: Instance) -> None:
        """Note that a server was changed, for whoever wants to hear of it when that is committed."""
        if self._owner.hear is not None:
            self.changes.append((before, now))

    def all(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Values]:
        """Return every row."""
        return self.execute(statement, parameters).fetchall()

    def one(self, statement: Executable, parameters: Parameters | None = None) -> Values | None:
        """Return the first row, or None."""
        return self.execute(statement, parameters).fetchone()

    def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one(statement, parameters)
        return None if row is None else row[0]


class Database:
    """One database; connects when first used."""

    def __init__(
        self,
        name: str,
        url: str,
        options: EngineOptions | None = None,
        now: Callable[[], datetime] = utc_now,
        observe: Observer | None = None,
    ) -> None:
        self.name = name
        self.url = database_url(url)
        """With the password; its text form hides it."""
        self.now = now
        self.statements = 0
        """How many statements ran since the start, over all threads; tests assert on differences of it."""
        self.hear: Hear | None = None
        """Hears of each change of a server."""
        self._options = options or EngineOptions()
        self._observe = observe
        self._engine: Engine | None = None
        self._making = threading.Lock()
        self._turn = dialects.Turns(self.url)
        self._snapshots = self.is_local and not dialects.in_memory(self.url)

    @property
    def engine(self) -> Engine:
        """The pool of connections, for schema work; store functions never need it."""
        with self._making:
            if self._engine is None:
                self._engine = dialects.make_engine(self.url, self._options)
            return self._engine

    @property
    def pool(self) -> PoolUse | None:
        """How the pool of connections is used; None before the first use, and for a database without one."""
        pool = None if self._engine is None else self._engine.pool
        if not isinstance(pool, QueuePool):
            return None
        most = self._options.pool_size + self._options.max_overflow
        return PoolUse(in_use=pool.checkedout(), idle=pool.checkedin(), most=most)

    @property
    def is_local(self) -> bool:
        """Whether it is a file or memory of this machine, which answers at once."""
        return self.url.get_backend_name() == "sqlite"

    def observed(self, kind: str, seconds: float) -> None:
        """Count a statement that ran."""
        self.statements += 1
        if self._observe is not None:
            self._observe(self.name, kind, seconds)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Open a read. Raises Unavailable when the database does not answer."""
        with self._translated(), self._turn.read(), self.engine.connect() as connection:
            if not self._snapshots:
                yield Tx(self, connection, repeatable=True)
                return
            connection.exec_driver_sql("BEGIN")
            try:
                yield Tx(self, connection, repeatable=True)
            finally:
                dialects.end(connection, "ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open a write transaction: committed at the end of the block, undone when it raises.

        Raises Stale when it lost a deadlock, Unavailable when the database does not answer or a lock is not
        given in time.
        """
        with self._translated(), self._turn.write(), self.engine.connect() as connection:
            dialects.begin(connection)
            tx = Tx(self, connection, repeatable=False)
            try:
                yield tx
                if tx.broken:
                    raise RuntimeError("a statement failed in this transaction and was passed over")
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                dialects.end(connection, "ROLLBACK")
                raise
        self._tell(tx)

    @contextmanager
    def alone(self) -> Iterator[Tx]:
        """Open writes that stand alone: each statement is committed as it runs.

        For one statement that may be sent again, such as a compare-and-swap: it costs no BEGIN and no COMMIT.
        Raises as `write` does.
        """
        with self._translated(), self._turn.write(), self.engine.connect() as connection:
            tx = Tx(self, connection, repeatable=True)
            yield tx
        self._tell(tx)

    def _tell(self, tx: Tx) -> None:
        if self.hear is not None:
            for before, now in tx.changes:
                self.hear(before, now)

    def close(self) -> None:
        """Let go of all connections; the next use connects anew."""
        with self._making:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Open a bare connection in autocommit, for schema work. Raises as `write` does."""
        with self._translated(), self._turn.write(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            found = dialects.domain_error(self.name, self.url.get_backend_name(), error)
            if found is None:
                raise
            raise found from error
        except PoolTimeout as error:
            raise Unavailable(f"Database {self.name} has no free connection.") from error
