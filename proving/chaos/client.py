"""A decent client: it asks again what may be asked again, and knows what it cannot know."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

VERSION = "2.96"
SECONDS = 30.0
"""For which one request is waited."""
PATIENCE = 60.0
"""For which a service that is away is asked again."""


@dataclass(frozen=True)
class Answer:
    """What came back. `status` None: the connection broke, and whether it was heard is not known."""

    status: int | None
    body: Any = None
    request_id: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it was heard and will be done."""
        return self.status is not None and 200 <= self.status < 300


@dataclass
class Tally:
    """What all clients saw together."""

    answers: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str) -> None:
        """Count one thing."""
        with self.lock:
            self.answers[what] += 1


class Client:
    """One user. Safe for one thread."""

    def __init__(self, url: str, token: Callable[[], str], tally: Tally) -> None:
        parts = urlsplit(url)
        self._address, self._root = (parts.hostname or "127.0.0.1", parts.port or 80), parts.path
        self._token, self._tally = token, tally

    def get(self, path: str) -> Answer:
        """Ask until there is an answer that is not a failure of the service; status None after a minute."""
        limit = time.monotonic() + PATIENCE
        while True:
            answer = self._once("GET", path, None)
            if answer.status is not None and answer.status < 500:
                return answer
            if time.monotonic() > limit:
                return Answer(None)
            time.sleep(0.3)

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask once for a change; again only while nobody listens, when it cannot have been heard."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._once(method, path, body, refused=True)
            except ConnectionRefusedError:
                if time.monotonic() > limit:
                    return Answer(None)
                time.sleep(0.3)
                continue
            self._tally.add(f"{method} {answer.status or 'broken off'} {_reason(answer)}".rstrip())
            return answer

    def _once(self, method: str, path: str, body: Any, refused: bool = False) -> Answer:
        connection = http.client.HTTPConnection(*self._address, timeout=SECONDS)
        try:
            headers = {
                "X-Auth-Token": self._token(),
                "Content-Type": "application/json",
                "OpenStack-API-Version": f"compute {VERSION}",
            }
            data = None if body is None else json.dumps(body)
            connection.request(method, self._root + path, data, headers)
            reply = connection.getresponse()
            raw = reply.read()
            return Answer(
                reply.status,
                json.loads(raw) if raw else None,
                reply.headers.get("x-openstack-request-id", ""),
            )
        except ConnectionRefusedError:
            if refused:
                raise
            return Answer(None)
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(None)
        finally:
            connection.close()


def _reason(answer: Answer) -> str:
    """Return why something was refused, without what is of one server only."""
    if answer.status is None or answer.status < 400 or not isinstance(answer.body, dict):
        return ""
    fault: Any = next(iter(answer.body.values()), None)
    words = str(fault.get("message", "")).split() if isinstance(fault, dict) else []
    return " ".join(word for word in words if not any(letter.isdigit() for letter in word))[:60]
