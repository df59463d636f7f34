"""`Store`: the API database, the cells' databases, and questions to all of them at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from compute_service.domain.errors import ComputeError, NotFound, Unavailable
from compute_service.domain.flow import API_DATABASE
from compute_service.domain.host import CELL0, Cell
from compute_service.store.addresses import fill_url
from compute_service.store.database import Database, EngineOptions, Hear, Observer, PoolUse, Tx, utc_now
from compute_service.store.dialects import DatabaseDown
from compute_service.store.mappings import cell_mapping_list

__all__ = ["Database", "EngineOptions", "Store", "StoreUrls", "Tx"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreUrls:
    """The process's own URLs: the API database, and what fills the templates of cell mappings."""

    api: str
    """[api_database]connection"""
    cell: str | None = None
    """[database]connection"""
    transport: str | None = None
    """[DEFAULT]transport_url"""


@dataclass(frozen=True, slots=True)
class _Down:
    since: float
    message: str
    question: Future[Any] | None


class Store:
    """Every database of the service. Connections are made when first used."""

    FRESH = 5.0
    """Seconds for which the cell mappings are believed."""
    REST = 5.0
    """Seconds for which a cell that did not answer is not asked again by `fan_out`."""

    def __init__(
        self,
        urls: StoreUrls,
        options: EngineOptions | None = None,
        now: Callable[[], datetime] = utc_now,
        observe: Observer | None = None,
    ) -> None:
        self._urls = urls
        self._options = options
        self._now = now
        self._observe = observe
        self._hear: Hear | None = None
        self.api = self._database(API_DATABASE, urls.api)
        """The API database."""
        self._lock = threading.Lock()
        self._databases: dict[str, tuple[str, Database]] = {API_DATABASE: (urls.api, self.api)}
        self._cells: tuple[Cell, ...] = ()
        self._read_at = -self.FRESH
        self._down: dict[str, _Down] = {}
        self._threads: ThreadPoolExecutor | None = None

    def _database(self, name: str, url: str) -> Database:
        made = Database(name, url, self._options, self._now, self._observe)
        made.hear = self._hear
        return made

    def listen(self, hear: Hear | None) -> None:
        """Have each change of a server's row told, once it is committed, in the thread that made it."""
        with self._lock:
            self._hear = hear
            for _, database in self._databases.values():
                database.hear = hear

    @property
    def cell0(self) -> Database:
        """The database of servers that found no host. Raises NotFound when it is not mapped."""
        return self.database(CELL0)

    def cells(self, include_disabled: bool = False) -> tuple[Cell, ...]:
        """Return the mapped cells in the order of mapping, without cell0, URLs filled.

        A disabled cell takes no new servers, but what is in it lives on: ask for those too wherever existing
        servers or hosts are meant.
        """
        return tuple(
            cell for cell in self._mapped() if cell.uuid != CELL0 and (include_disabled or not cell.disabled)
        )

    def database(self, name: str) -> Database:
        """Return a database by name: `api` or a cell's UUID. Raises NotFound for an unknown cell."""
        if name == API_DATABASE:
            return self.api
        for cell in self._mapped():
            if cell.uuid == name:
                return self._database_of(cell)
        self.refresh()
        for cell in self._mapped():
            if cell.uuid == name:
                return self._database_of(cell)
        raise NotFound(f"Cell {name} could not be found.")

    def names(self) -> tuple[str, ...]:
        """Return the names of all databases that hold servers: the API's, cell0's, then the cells'."""
        return (API_DATABASE, *sorted((cell.uuid for cell in self._mapped()), key=lambda uuid: uuid != CELL0))

    def refresh(self) -> None:
        """Forget the cell mappings and which cells were down; they are read again when next needed."""
        with self._lock:
            self._read_at = -self.FRESH
            self._down.clear()

    def fan_out(
        self, fn: Callable[[Tx], T], databases: Iterable[str] | None = None, timeout: float = 60.0
    ) -> dict[str, T | ComputeError]:
        """Ask several databases the same in parallel, each in a read of its own.

        `databases` defaults to all cells but cell0, disabled ones included. What a database raises stands in
        place of its answer; one that does not answer in `timeout` seconds gives Unavailable, and is not asked
        again for a few seconds.
        """
        names = tuple(databases) if databases is not None else tuple(c.uuid for c in self.cells(True))
        futures: dict[str, Future[T | ComputeError]] = {}
        answers: dict[str, T | ComputeError] = {}
        for name in names:
            down = self._is_down(name)
            if down is not None:
                answers[name] = down
            elif len(names) > 1 and not self.database(name).is_local:
                futures[name] = self._pool().submit(self._ask, name, fn)
            else:
                answers[name] = self._ask(name, fn)
        wait_for(futures.values(), timeout)
        for name, future in futures.items():
            if future.done():
                answers[name] = future.result()
            else:
                future.cancel()
                error = DatabaseDown(f"Database {name} does not answer in time.")
                answers[name] = self._mark_down(name, error, future)
        return {name: answers[name] for name in names}

    def pools(self) -> dict[str, PoolUse]:
        """Return how the pools of connections are used, by database; those not used yet are left out."""
        with self._lock:
            databases = tuple(database for _, database in self._databases.values())
        return {one.name: use for one in databases if (use := one.pool) is not None}

    def close(self) -> None:
        """Let go of all connections and threads."""
        with self._lock:
            threads, self._threads = self._threads, None
            databases = tuple(database for _, database in self._databases.values())
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        for database in databases:
            database.close()

    def _ask(self, name: str, fn: Callable[[Tx], T]) -> T | ComputeError:
        try:
            with self.database(name).read() as tx:
                return fn(tx)
        except DatabaseDown as error:
            return self._mark_down(name, error)
        except ComputeError as error:
            return error

    def _is_down(self, name: str) -> Unavailable | None:
        down = self._down.get(name)
        if down is None:
            return None
        # A question that hangs still holds a thread: no further one is risked until it comes back.
        hangs = down.question is not None and not down.question.done()
        if hangs or time.monotonic() - down.since < self.REST:
            return DatabaseDown(down.message)
        return None

    def _mark_down(self, name: str, error: DatabaseDown, question: Future[Any] | None = None) -> DatabaseDown:
        if name != API_DATABASE:
            self._down[name] = _Down(time.monotonic(), error.message, question)
        return error

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="store")
            return self._threads

    def _mapped(self) -> tuple[Cell, ...]:
        with self._lock:
            if time.monotonic() - self._read_at < self.FRESH:
                return self._cells
        try:
            with self.api.read() as tx:
                cells = tuple(self._filled(cell) for cell in cell_mapping_list(tx))
        except Unavailable:
            if not self._cells:
                raise
            cells = self._cells  # Work inside the cells goes on while the API database is away.
        with self._lock:
            self._cells = cells
            self._read_at = time.monotonic()
        return cells

    def _filled(self, cell: Cell) -> Cell:
        return cell.replace(
            database_connection=fill_url(cell.database_connection, self._urls.cell),
            transport_url=fill_url(cell.transport_url, self._urls.transport),
        )

    def _database_of(self, cell: Cell) -> Database:
        with self._lock:
            at, known = self._databases.get(cell.uuid, (None, None))
            if known is not None and at == cell.database_connection:
                return known
            made = self._database(cell.uuid, cell.database_connection)
            self._databases[cell.uuid] = (cell.database_connection, made)
        if known is not None:
            known.close()
        return made
