"""What this host was asked to do and what came of it, so that a repeated message does no harm.

An entry is one `StepKey`: written before the work begins and completed with its answer. From it follows what
to do with a message:

- new: run it;
- running in this process: ignore it, for the answer is on its way;
- answered: send the answer again;
- begun by a process that died: run it again (verbs converge on what they find);
- overtaken, that is a `do` whose step was already being undone, or an older attempt of a newer one: never
  run it. A queue may hand out a `do` long after the flow gave up on it, and running it would leave a guest
  that nobody asks for.

The file is SQLite in WAL mode with `synchronous=NORMAL`: a killed process loses nothing; a power cut may lose
the last entries but never the file. That is enough, because a lost entry costs work and not correctness:
verbs look before they act, and a guest that nobody wants is an orphan, found by comparing with what the
conductor lists. A file that cannot be read is put aside and a new one begun, for the same reason. The lock on
the file keeps a second process from answering for the same host.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec

from compute_service.domain.errors import Unavailable
from compute_service.domain.flow import StepKey, StepPhase, StepResult
from compute_service.domain.record import Record

LOG = logging.getLogger(__name__)

KEEP_SECONDS = 86_400.0
"""Longer than any message waits in a queue and any flow sends again."""
KEEP_ENTRIES = 100_000

_TABLE = """
CREATE TABLE IF NOT EXISTS journal (
    db TEXT NOT NULL, flow TEXT NOT NULL, seq INTEGER NOT NULL, phase TEXT NOT NULL, attempt INTEGER NOT NULL,
    result BLOB, at REAL NOT NULL,
    PRIMARY KEY (db, flow, seq, phase, attempt)
) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS journal_at ON journal (at)"
_ONE = "db = ? AND flow = ? AND seq = ? AND phase = ? AND attempt = ?"


class Verdict(StrEnum):
    """What to do with a message."""

    RUN = "run"
    REPLAY = "replay"
    IGNORE = "ignore"
    REFUSE = "refuse"


class Begun(Record):
    """The journal's word on a message; `result` is there to be sent again when the verdict is REPLAY."""

    verdict: Verdict
    result: StepResult | None = None


class Journal:
    """The entries of one host, or of several that share a process. Safe to use from several threads."""

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now
        self._lock = threading.Lock()
        self._running: set[StepKey] = set()
        with self._lock, connection:
            connection.execute(_TABLE)
            connection.execute(_INDEX)

    @classmethod
    def in_memory(cls, now: Callable[[], float] = time.time) -> Self:
        """Return a journal that ends with the process."""
        return cls(sqlite3.connect(":memory:", check_same_thread=False), now)

    @classmethod
    def on_disk(cls, path: Path, now: Callable[[], float] = time.time) -> Self:
        """Open or make the journal at `path`. Raises Unavailable when another process has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return cls(_open(path), now)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The journal {path} cannot be opened: {error}") from error
        except sqlite3.DatabaseError as error:
            aside = path.with_suffix(f".broken-{int(now())}")
            LOG.warning("The journal %s cannot be read (%s); it is kept as %s", path, error, aside)
            path.replace(aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return cls(_open(path), now)

    def restarted(self) -> Self:
        """Return the journal as a process started anew finds it; this one must not be used any more."""
        return type(self)(self._connection, self._now)

    def begin(self, key: StepKey) -> Begun:
        """Decide about a message; after RUN the key counts as running until `finish` or `abandon`."""
        with self._lock, self._connection:
            if key in self._running:
                return Begun(verdict=Verdict.IGNORE)
            found = self._connection.execute(
                f"SELECT result FROM journal WHERE {_ONE}",  # noqa: S608 - a constant
                _columns(key),
            ).fetchone()
            if found is not None and found[0] is not None:
                return Begun(verdict=Verdict.REPLAY, result=msgspec.json.decode(found[0], type=StepResult))
            if self._overtaken(key):
                return Begun(verdict=Verdict.REFUSE)
            self._connection.execute(
                "INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, NULL, ?)",
                (*_columns(key), self._now()),
            )
            self._running.add(key)
            return Begun(verdict=Verdict.RUN)

    def overtaken(self, key: StepKey) -> bool:
        """Tell whether the flow has gone past this key, as it may while the work waits for its turn."""
        with self._lock:
            return self._overtaken(key)

    def finish(self, key: StepKey, result: StepResult) -> None:
        """Keep the answer."""
        with self._lock, self._connection:
            self._running.discard(key)
            self._connection.execute(
                "INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*_columns(key), msgspec.json.encode(result), self._now()),
            )

    def abandon(self, key: StepKey) -> None:
        """Forget that a key runs, without an answer: the message sent again runs it."""
        with self._lock:
            self._running.discard(key)

    def running(self) -> frozenset[StepKey]:
        """Return the keys that run or wait for their turn in this process."""
        with self._lock:
            return frozenset(self._running)

    def prune(self, keep_seconds: float = KEEP_SECONDS, keep_entries: int = KEEP_ENTRIES) -> int:
        """Drop what is older than `keep_seconds`, and the oldest beyond `keep_entries`; return how many.

        What is running stays.
        """
        with self._lock, self._connection:
            over = self._connection.execute("SELECT count(*) FROM journal").fetchone()[0] - keep_entries
            rows = self._connection.execute(
                "SELECT db, flow, seq, phase, attempt FROM journal WHERE at < ? "
                "UNION SELECT * FROM (SELECT db, flow, seq, phase, attempt FROM journal ORDER BY at LIMIT ?)",
                (self._now() - keep_seconds, max(over, 0)),
            ).fetchall()
            running = {_columns(key) for key in self._running}
            gone = [row for row in rows if row not in running]
            self._connection.executemany(f"DELETE FROM journal WHERE {_ONE}", gone)  # noqa: S608 - a constant
        return len(gone)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _overtaken(self, key: StepKey) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM journal WHERE db = ? AND flow = ? AND seq = ? "
            "AND ((phase = ? AND attempt > ?) OR (? AND phase = ?)) LIMIT 1",
            (
                key.database,
                key.flow_id,
                key.seq,
                str(key.phase),
                key.attempt,
                key.phase is StepPhase.DO,
                str(StepPhase.UNDO),
            ),
        ).fetchone()
        return row is not None


def _columns(key: StepKey) -> tuple[str, str, int, str, int]:
    return key.database, key.flow_id, key.seq, str(key.phase), key.attempt


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=2.0)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        with connection:
            connection.execute(_TABLE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
