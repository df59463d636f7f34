"""Consoles of servers: which kinds there are, where one is found, and the tokens that open them.

Source: Compute API reference, "Server consoles".
"""

from __future__ import annotations

import hashlib

from compute_service.domain.record import Record

KINDS: dict[str, str] = {
    "novnc": "vnc",
    "spice-html5": "spice",
    "spice-direct": "spice",
    "serial": "serial",
}
"""Type of console → the protocol that the guest speaks there."""


class Listening(Record):
    """Where a guest's console listens on its host. A port of None: not offered that way."""

    port: int | None
    tls_port: int | None = None
    path: str | None = None
    """What the hypervisor wants to be asked for before it connects, where it does."""


class Console(Record):
    """A guest's console as the proxy reaches it and as its user does."""

    type: str
    host: str
    port: int
    tls_port: int | None = None
    path: str | None = None
    url: str
    """The address of the proxy, without a token."""


class ConsoleToken(Record):
    """Leave to open one console for a while."""

    server: str
    console: Console
    expires: float
    """Seconds since the epoch."""


def last_lines(log: str, length: int | None) -> str:
    """Return the last `length` lines of a console's log, the very last without its line break; None: all.

    Clients count the lines by splitting at line breaks, so that one at the end would be a line too many.
    """
    if length is None:
        return log
    return "\n".join(log.removesuffix("\n").split("\n")[-length:]) if length > 0 else ""


def token_hash(token: str) -> str:
    """Return what is kept of a token: whoever reads the database cannot open a console with it."""
    return hashlib.sha256(token.encode()).hexdigest()
