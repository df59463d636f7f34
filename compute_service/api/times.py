"""How times are written in answers."""

from __future__ import annotations

from datetime import datetime


def zulu(at: datetime) -> str:
    """Return 2012-12-02T02:11:55Z, as for a server's created and updated."""
    return at.isoformat(timespec="seconds") + "Z"


def stamp(at: datetime) -> str:
    """Return 2012-12-02T02:11:55.000000, as most times are written."""
    return at.isoformat(timespec="microseconds")


def stamp_or_none(at: datetime | None) -> str | None:
    """Return `stamp` of a time, or None without one."""
    return None if at is None else at.isoformat(timespec="microseconds")
