"""Counts at the database: how many statements of which kind each schema gets, from MariaDB's general log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LINE = re.compile(r"^(?:\d{6}\s+[\d:]+)?\s+(\d+) (Connect|Query|Init DB|Quit|Execute|Prepare)\t?(.*)")
_CONNECTED = re.compile(r" on (\w+)? using")
STATEMENTS = ("select", "insert", "update", "delete", "replace", "with")
BOUNDARIES = ("begin", "start", "commit", "rollback", "savepoint", "release")


def counts_of(lines: Iterable[str], databases: dict[int, str], schemas: Sequence[str]) -> Counter[str]:
    """Return how often each first word of a statement comes in the log, over connections to these schemas.

    `databases` is connection → schema for those that were open before; it is brought up to date.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        if not (match := _LINE.match(line)):
            continue
        connection, command, text = int(match[1]), match[2], match[3]
        if command == "Connect":
            where = _CONNECTED.search(text)
            databases[connection] = (where[1] if where else None) or ""
        elif command == "Init DB":
            databases[connection] = text.strip()
        elif command in ("Query", "Execute") and databases.get(connection) in schemas:
            words = text.split(None, 1)
            counts[words[0].lower().rstrip(";") if words else ""] += 1
    return counts


def statements(counts: Counter[str]) -> int:
    """Return how many statements read or write rows."""
    return sum(counts[word] for word in STATEMENTS)


def boundaries(counts: Counter[str]) -> int:
    """Return how many begin or end transactions."""
    return sum(counts[word] for word in BOUNDARIES)


@contextmanager
def counting(connection: Any, schemas: Sequence[str], path: Path) -> Iterator[Counter[str]]:
    """Fill a counter with the statements that come while the block lasts. `path` is where the log goes.

    The server must be able to write there, and this process to read. What the log was before comes back.
    """
    counts: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@global.general_log, @@global.general_log_file, @@global.log_output")
        before = cursor.fetchone()
        cursor.execute("SELECT id, db FROM information_schema.processlist")
        databases = {int(row[0]): str(row[1] or "") for row in cursor.fetchall()}
        _log(cursor, (1, str(path), "FILE"))
        try:
            yield counts
        finally:
            _log(cursor, before)
    with path.open(errors="replace") as log:
        counts.update(counts_of(log, databases, schemas))
    path.unlink()


def _log(cursor: Any, state: tuple[int, str, str]) -> None:
    on, path, output = state
    cursor.execute("SET GLOBAL general_log = 0")
    cursor.execute("SET GLOBAL log_output = %s", (output,))
    cursor.execute("SET GLOBAL general_log_file = %s", (path,))
    cursor.execute("SET GLOBAL general_log = %s", (on,))
