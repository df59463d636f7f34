"""Servers wherever they are: found by UUID, and listed across all databases in one order."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlalchemy import Select

from compute_service.domain.errors import ComputeError, Invalid, NotFound, Unavailable
from compute_service.domain.flow import API_DATABASE
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.store.database import Tx
from compute_service.store.engine import Store
from compute_service.store.instance_query import (
    InstanceQuery,
    names_statement,
    page_statement,
    sort_terms,
    sort_value,
)
from compute_service.store.instances import instance_get, instances_of
from compute_service.store.mappings import InstanceMapping, instance_mapping_get, instance_mapping_page

T = TypeVar("T")


class Located(Record):
    """A server and the database it is in: `api` or its cell's UUID."""

    database: str
    instance: Instance

    @property
    def uuid(self) -> str:
        """The server's."""
        return self.instance.uuid


class DownServer(Record):
    """What is known of a server whose cell does not answer."""

    uuid: str
    project_id: str
    user_id: str
    cell: str
    created_at: datetime


class ServerPage(Record):
    """One page of servers, in order, and as many of those in cells that do not answer as fit behind."""

    servers: tuple[Located, ...] = ()
    down: tuple[DownServer, ...] = ()
    down_cells: tuple[str, ...] = ()


class NamedServer(Record):
    """A server of which no more is wanted than its name."""

    uuid: str
    name: str


class NamePage(Record):
    """As ServerPage, with names only."""

    servers: tuple[NamedServer, ...] = ()
    down: tuple[DownServer, ...] = ()
    down_cells: tuple[str, ...] = ()


def server_locate(store: Store, uuid: str, deleted: bool = False) -> Located | None:
    """Find a server, in two statements; a deleted one only if `deleted`. None when there is none.

    Raises Unavailable when its cell does not answer.
    """
    for _ in range(2):
        with store.api.read() as tx:
            mapping = instance_mapping_get(tx, uuid)
            if mapping is None:
                return None
            if mapping.cell is None:
                unplaced = instance_get(tx, uuid, deleted)
                if unplaced is not None:
                    return Located(database=API_DATABASE, instance=unplaced)
        if mapping.cell is not None:
            placed = _placed(store, mapping.cell, uuid, deleted)
            return None if placed is None else Located(database=mapping.cell, instance=placed)
        # It may have been given its cell between the two statements: look once more.
    return None


def _placed(store: Store, cell: str, uuid: str, deleted: bool) -> Instance | None:
    """Ask a cell for a server; one that is known to be down is not waited for."""
    answer = store.fan_out(lambda tx: instance_get(tx, uuid, deleted), (cell,))[cell]
    if isinstance(answer, ComputeError):
        raise answer
    return answer


def server_mapping(store: Store, uuid: str) -> InstanceMapping | None:
    """Return a server's mapping: what can be told of it when its cell does not answer."""
    with store.api.read() as tx:
        return instance_mapping_get(tx, uuid)


def server_page(store: Store, query: InstanceQuery, timeout: float = 60.0) -> ServerPage:
    """List servers of all databases: a statement for each, two more with a marker, one if a cell is down.

    A server seen both unplaced and in its cell is the cell's. Raises Invalid for an unknown marker, filter or
    sort key, Unavailable when the API database does not answer.
    """
    if query.uuids is not None and not query.uuids:
        return ServerPage()
    terms = sort_terms(query)
    found = _answers(store, query, page_statement, instances_of, timeout)
    merged = _merged(
        found.pages, lambda one: one.uuid, lambda one: [sort_value(one, name) for name, _ in terms], terms
    )
    servers = tuple(Located(database=name, instance=one) for name, one in islice(merged, query.limit))
    return ServerPage(servers=servers, down=_down(store, query, found.down), down_cells=tuple(found.down))


def server_names(store: Store, query: InstanceQuery, timeout: float = 60.0) -> NamePage:
    """List the names of servers: as `server_page`, for a fraction of its price."""
    if query.uuids is not None and not query.uuids:
        return NamePage()
    found = _answers(store, query, names_statement, lambda tx, statement: tx.all(statement), timeout)
    merged = _merged(found.pages, lambda row: str(row[0]), lambda row: row[2:], sort_terms(query))
    servers = tuple(NamedServer(uuid=row[0], name=row[1]) for _, row in islice(merged, query.limit))
    return NamePage(servers=servers, down=_down(store, query, found.down), down_cells=tuple(found.down))


class _Answers(Generic[T]):
    """Database → what it found, and the cells that did not answer."""

    def __init__(self) -> None:
        self.pages: dict[str, Sequence[T]] = {}
        self.down: list[str] = []


def _answers(
    store: Store,
    query: InstanceQuery,
    spell: Callable[[str, InstanceQuery, Instance | None], Select[Any]],
    run: Callable[[Tx, Select[Any]], Sequence[T]],
    timeout: float,
) -> _Answers[T]:
    """Ask all databases for their pages; `spell` makes the statement that a dialect wants."""
    after = _marker(store, query)
    statements: dict[str, Select[Any]] = {}

    def ask(tx: Tx) -> Sequence[T]:
        statement = statements.get(tx.dialect)
        if statement is None:
            statement = statements[tx.dialect] = spell(tx.dialect, query, after)
        return run(tx, statement)

    found: _Answers[T] = _Answers()
    for name, answer in store.fan_out(ask, store.names(), timeout).items():
        if not isinstance(answer, ComputeError):
            found.pages[name] = answer
        elif isinstance(answer, Unavailable) and name != API_DATABASE:
            found.down.append(name)
        else:
            raise answer
    return found


def _marker(store: Store, query: InstanceQuery) -> Instance | None:
    if query.marker is None:
        return None
    try:
        found = server_locate(store, query.marker, deleted=True)
    except NotFound:
        found = None
    if found is None:
        raise Invalid(f"marker [{query.marker}] not found")
    return found.instance


def _merged(
    pages: dict[str, Sequence[T]],
    uuid_of: Callable[[T], str],
    values_of: Callable[[T], Sequence[Any]],
    terms: list[tuple[str, bool]],
) -> Iterator[tuple[str, T]]:
    """Yield what is in the pages, with its database, in the order of the query, each server once."""
    if sum(1 for page in pages.values() if page) == 1:
        for name, page in pages.items():
            yield from ((name, one) for one in page)
        return
    placed = {uuid_of(one) for name, page in pages.items() if name != API_DATABASE for one in page}
    streams = [
        [(values_of(one), name, one) for one in page if name != API_DATABASE or uuid_of(one) not in placed]
        for name, page in pages.items()
    ]

    def compare(mine: tuple[Sequence[Any], str, T], other: tuple[Sequence[Any], str, T]) -> int:
        return _compare(mine[0], other[0], terms)

    for _, name, one in heapq.merge(*streams, key=functools.cmp_to_key(compare)):
        yield name, one


def _compare(mine: Sequence[Any], other: Sequence[Any], terms: list[tuple[str, bool]]) -> int:
    """Compare sort values as the databases sort: nothing is less than anything."""
    for a, b, (_, descending) in zip(mine, other, terms, strict=True):
        if a != b:
            less = a is None or (b is not None and a < b)
            return -1 if less != descending else 1
    return 0


def _down(store: Store, query: InstanceQuery, cells: list[str]) -> tuple[DownServer, ...]:
    if not cells:
        return ()
    with store.api.read() as tx:
        known = instance_mapping_page(tx, cells, query.project_id, limit=query.limit)
    return tuple(
        DownServer(
            uuid=m.uuid,
            project_id=m.project_id,
            user_id=m.user_id,
            cell=m.cell or "",
            created_at=m.created_at,
        )
        for m in known
    )
