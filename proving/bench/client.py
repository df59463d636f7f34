"""A client of one endpoint: one connection, kept open, and JSON."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlsplit

from proving.bench.target import Target

TIMEOUT = 120.0
NEWEST = "latest"


class Refused(RuntimeError):
    """An endpoint answered with an error."""


class Client:
    """Speaks to one endpoint. Not to be shared by threads."""

    def __init__(self, target: Target, microversion: str = NEWEST) -> None:
        """Take a token; connect at the first request."""
        parts = urlsplit(target.url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._base = parts.path.rstrip("/")
        self._headers = {
            "X-Auth-Token": target.token(),
            "Accept": "application/json",
            "OpenStack-API-Version": f"compute {microversion}",
        }
        self._connection: http.client.HTTPConnection | None = None

    def raw(self, method: str, path: str, body: object = None) -> bytes:
        """Make a request and return the body of its answer. Raises Refused, OSError.

        A connection that the other side closed meanwhile is made anew, once.
        """
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        data = None if body is None else json.dumps(body).encode()
        for again in (True, False):
            connection = self._connect()
            try:
                connection.request(method, self._base + path, data, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (ConnectionError, http.client.HTTPException):
                self.close()
                if not again:
                    raise
                continue
            if answer.will_close:
                self.close()
            if answer.status >= 400:
                raise Refused(f"{method} {path}: {answer.status} {text[:500]!r}")
            return text
        raise AssertionError("not reached")

    def json(self, method: str, path: str, body: object = None) -> Any:
        """Make a request and return what its answer says; None when it has no body."""
        text = self.raw(method, path, body)
        return json.loads(text) if text else None

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT)
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection
