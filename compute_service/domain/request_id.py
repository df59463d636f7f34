"""The identifier of the request that the running code works for: bound at the edge, carried by the bus and by
flows, and written with every log line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str | None] = ContextVar("request_id", default=None)


def current() -> str | None:
    """Return the request's identifier (`req-…`), or None outside of any."""
    return _CURRENT.get()


@contextmanager
def bound(request_id: str | None) -> Iterator[None]:
    """Let `current` answer `request_id` within the block."""
    token = _CURRENT.set(request_id)
    try:
        yield
    finally:
        _CURRENT.reset(token)
