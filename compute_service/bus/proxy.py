"""Turns a Protocol into a client: each method sends its verb, and waits when it returns something."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from compute_service.bus.codec import Verb, verbs_of

P = TypeVar("P")


class Sender(Protocol):
    """Carries single verbs to one topic or server."""

    def call(self, verb: Verb, args: msgspec.Struct) -> Any:
        """Send, wait, and return the answer or raise the other side's error."""

    def cast(self, verb: Verb, args: msgspec.Struct) -> None:
        """Send and return at once; never raises for what becomes of the message."""


def proxy(protocol: type[P], sender: Sender) -> P:
    """Return an object with the Protocol's methods that sends by `sender`."""
    kind: Any = protocol
    client: P = _client_class(kind)(sender)
    return client


@cache
def _client_class(protocol: Any) -> type[Any]:
    def init(self: Any, sender: Sender) -> None:
        self._sender = sender

    members: dict[str, Any] = {"__slots__": ("_sender",), "__init__": init, "__doc__": protocol.__doc__}
    members |= {name: _method(verb) for name, verb in verbs_of(protocol).items()}
    return type(f"{protocol.__name__}Client", (), members)


def _method(verb: Verb) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._sender.call(verb, verb.args(*args, **kwargs))

    def cast(self: Any, *args: Any, **kwargs: Any) -> None:
        self._sender.cast(verb, verb.args(*args, **kwargs))

    method = cast if verb.cast else call
    method.__name__ = verb.name
    return method
