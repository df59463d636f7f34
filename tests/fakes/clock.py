"""A clock that stands still until it is moved."""

from __future__ import annotations

import threading
from datetime import UTC, datetime


class ManualClock:
    """Time that passes by `advance` and `sleep` alone. `slept` lists what was slept."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._at = start
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the time as a naive datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC).replace(tzinfo=None)

    def time(self) -> float:
        """Return the time in seconds since the epoch."""
        with self._lock:
            return self._at

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the time forward."""
        with self._lock:
            self._at += seconds
