"""One request as it goes over the wire, and its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ask:
    """A request. `target` is path and query, percent-encoded as a client would send them."""

    seed: int
    index: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def line(self) -> str:
        """Return it in one line, with what makes it again."""
        headers = " ".join(f"-H {name}:{_short(value)!r}" for name, value in self.headers)
        body = f" -d {_short(self.body.decode('utf-8', 'backslashreplace'))!r}" if self.body else ""
        return f"--seed {self.seed} --index {self.index}: {self.method} {_short(self.target)} {headers}{body}"


@dataclass(frozen=True)
class Answer:
    """What came back. `route` is the row that took the request, where that can be told."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float
    route: str | None = None
    trace: str = ""
    """Where an error that nobody meant was raised."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self) -> Any:
        """Return the decoded body. Raises ValueError."""
        return json.loads(self.body)


def _short(text: str, most: int = 600) -> str:
    return text if len(text) <= most else f"{text[:most]}...({len(text)})"
