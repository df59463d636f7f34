"""The message bus between daemons."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

P = TypeVar("P")


class Bus(Protocol):
    """Carries the Protocols of `domain.protocol`; arguments and answers are records and plain values.

    A cast is delivered at most once per send and may be lost or doubled; callers send again. A call raises
    the error that the other side raised (by its class in `domain.errors`), Timeout when no answer comes in
    `timeout` seconds, or Unavailable when the broker is out of reach.
    """

    def client(
        self, protocol: type[P], topic: str, server: str | None = None, timeout: float | None = None
    ) -> P:
        """Return an object with the Protocol's methods that sends to a topic, or to one server of it."""

    def serve(
        self, protocol: type[Any], topic: str, server: str, endpoint: object, threads: int = 8
    ) -> Serving:
        """Answer for a topic under a server name until stopped."""

    def close(self) -> None:
        """Let go of connections."""


class Serving(Protocol):
    """A topic being answered."""

    def stop(self, timeout: float) -> bool:
        """Take no new messages, finish those begun; True when all finished in `timeout` seconds."""
