"""The statements that a piece of work runs, each with its time, and how the database goes about them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

from compute_service.store.engine import Store


@dataclass
class Ran:
    """One statement that ran."""

    engine: Engine
    sql: str
    parameters: Any
    seconds: float = 0.0

    @property
    def is_select(self) -> bool:
        """Whether it reads."""
        return self.sql.lstrip("( ").upper().startswith("SELECT")

    def way(self) -> Way:
        """Return how the database goes about it."""
        mariadb = self.engine.dialect.name == "mysql"
        word = "ANALYZE" if mariadb else "EXPLAIN (ANALYZE, TIMING OFF)"
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"{word} {self.sql}", self.parameters).fetchall()
        return (_of_mariadb if mariadb else _of_postgresql)(rows)


@dataclass(frozen=True)
class Way:
    """How a statement is gone about. `scanned` are tables read from end to end, `indexes` what is used;
    `sorts` is how many rows are put in order: really on PostgreSQL, whose reckoning is off by its samples at
    times, and by MariaDB's reckoning; `reads` is how many rows were really read in the step that read most.
    """

    scanned: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    sorts: int = 0
    reads: int = 0


@dataclass
class Watch:
    """What ran while watching."""

    ran: list[Ran] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long the statements took in all."""
        return sum(one.seconds for one in self.ran)

    def ways(self, engine: Engine) -> list[Way]:
        """Return how the SELECTs on a database were gone about."""
        return [one.way() for one in self.ran if one.engine is engine and one.is_select]


@contextmanager
def watching(store: Store) -> Iterator[Watch]:
    """Note every statement on the databases of a store."""
    found = Watch()
    engines = [store.database(name).engine for name in store.names()]

    def before(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        context.began_at = time.perf_counter()

    def after(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        seconds = time.perf_counter() - context.began_at
        found.ran.append(Ran(connection.engine, sql, parameters, seconds))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)
    try:
        yield found
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", before)
            event.remove(engine, "after_cursor_execute", after)


def _of_mariadb(rows: Sequence[Any]) -> Way:
    scanned, indexes, sorts, reads = [], [], 0, 0.0
    for row in rows:
        named = row._mapping
        reads = max(reads, float(named["r_rows"] or 0))
        kind, extra = named["type"], named["Extra"] or ""
        if kind in ("ALL", "index"):
            scanned.append(str(named["table"]))
        if named["key"]:
            indexes.append(str(named["key"]))
        if "filesort" in extra:
            sorts = max(sorts, int(named["rows"] or 0))
    return Way(tuple(scanned), tuple(indexes), sorts, int(reads))


def _of_postgresql(rows: Sequence[Any]) -> Way:
    lines = [str(row[0]) for row in rows]
    scanned = [found[1] for line in lines if (found := re.search(r"Seq Scan on (\w+)", line))]
    indexes = [
        found[1]
        for line in lines
        if (
            found := re.search(
                r"(?:Index (?:Only )?Scan(?: Backward)? using|Bitmap Index Scan on) (\w+)", line
            )
        )
    ]
    sorts = 0
    for number, line in enumerate(lines):
        if re.search(r"\bSort\b  \(cost", line):
            inner = lines[number + 1 :]
            counts = [int(found[1]) for deeper in inner if (found := re.search(r"actual rows=(\d+)", deeper))]
            sorts = max([sorts, *counts[:1]])
    return Way(tuple(scanned), tuple(indexes), sorts, _read(lines))


def _read(lines: Sequence[str]) -> int:
    """Return the rows of the step of a plan that found most, those it threw away included."""
    most = found = 0
    for line in lines:
        if actual := re.search(r"actual rows=(\d+)", line):
            found = int(actual[1])
        elif removed := re.search(r"Rows Removed by Filter: (\d+)", line):
            found += int(removed[1])
        most = max(most, found)
    return most
