"""Servers wherever they are: found by UUID, and listed across all databases in one order."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select

from compute_service.domain.errors import ComputeError, Invalid, NotFound, Unavailable
from compute_service.domain.flow import API_DATABASE
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.store.database import Tx
from compute_service.store.engine import Store
from compute_service.store.instance_query import InstanceQuery, page_statement, sort_terms, sort_value
from compute_service.store.instances import instance_get, instances_of
from compute_service.store.mappings import InstanceMapping, instance_mapping_get, instance_mapping_page


class Located(Record):
    """A server and the database it is in: `api` or its cell's UUID."""

    database: str
    instance: Instance


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
    after = _marker(store, query)
    statements: dict[str, Select[Any]] = {}

    def ask(tx: Tx) -> list[Instance]:
        statement = statements.get(tx.dialect)
        if statement is None:
            statement = statements[tx.dialect] = page_statement(tx.dialect, query, after)
        return instances_of(tx, statement)

    answers = store.fan_out(ask, store.names(), timeout)
    pages: dict[str, list[Instance]] = {}
    down: list[str] = []
    for name, answer in answers.items():
        if not isinstance(answer, ComputeError):
            pages[name] = answer
        elif isinstance(answer, Unavailable) and name != API_DATABASE:
            down.append(name)
        else:
            raise answer
    servers = tuple(_first(_merged(query, pages), query.limit))
    return ServerPage(servers=servers, down=_down(store, query, down), down_cells=tuple(down))


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


def _merged(query: InstanceQuery, pages: dict[str, list[Instance]]) -> Iterator[Located]:
    """Yield the servers of all pages in the order of the query, each once."""
    if sum(1 for page in pages.values() if page) == 1:
        for name, page in pages.items():
            yield from (Located(database=name, instance=instance) for instance in page)
        return
    placed = {i.uuid for name, page in pages.items() if name != API_DATABASE for i in page}
    terms = sort_terms(query)

    def compare(mine: Located, other: Located) -> int:
        return _compare(mine.instance, other.instance, terms)

    streams = [
        [
            Located(database=name, instance=instance)
            for instance in page
            if name != API_DATABASE or instance.uuid not in placed
        ]
        for name, page in pages.items()
    ]
    yield from heapq.merge(*streams, key=functools.cmp_to_key(compare))


def _compare(mine: Instance, other: Instance, terms: list[tuple[str, bool]]) -> int:
    """Compare as the databases sort: nothing is less than anything."""
    for name, descending in terms:
        a, b = sort_value(mine, name), sort_value(other, name)
        if a != b:
            less = a is None or (b is not None and a < b)
            return -1 if less != descending else 1
    return 0


def _first(servers: Iterable[Located], limit: int | None) -> Iterator[Located]:
    for number, server in enumerate(servers):
        if limit is not None and number >= limit:
            return
        yield server


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
