"""On whose behalf the running code works: bound at the edge, carried by the bus and by flows, and written
with every log line.

A request has an id of ours (`req-…`), and a global one when the caller sent its own along: the same for all
services that take part, so calls to other services pass the global one on.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple


class Asker(NamedTuple):
    """Who asked and by which request; all None is the service itself."""

    request_id: str | None = None
    global_request_id: str | None = None
    user_id: str | None = None
    project_id: str | None = None


NOBODY = Asker()

_CURRENT: ContextVar[Asker] = ContextVar("asker", default=NOBODY)


def asker() -> Asker:
    """Return on whose behalf the code runs."""
    return _CURRENT.get()


def current() -> str | None:
    """Return the request's identifier (`req-…`), or None outside of any."""
    return _CURRENT.get().request_id


def outgoing() -> str | None:
    """Return the identifier that calls to other services carry."""
    found = _CURRENT.get()
    return found.global_request_id or found.request_id


def learn(found: Asker) -> None:
    """Tell more of who asks, until the end of the block that bound the request; outside of it do nothing."""
    if _CURRENT.get().request_id == found.request_id:
        _CURRENT.set(found)


class bound:
    """Let `asker` answer this within the block; a bare string is a request's identifier."""

    __slots__ = ("_found", "_token")

    def __init__(self, on_behalf: Asker | str | None) -> None:
        self._found = on_behalf if isinstance(on_behalf, Asker) else Asker(on_behalf)

    def __enter__(self) -> None:
        self._token = _CURRENT.set(self._found)

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)
