"""Time, passed in so that tests and the simulation can own it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """One source of time."""

    def now(self) -> datetime:
        """Return the time as a naive datetime in UTC with microseconds."""

    def time(self) -> float:
        """Return the time in seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
