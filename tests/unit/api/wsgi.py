"""Drives a WSGI application in the same thread."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

OWN = "11111111222233334444555555555555"
OTHER = "99999999222233334444555555555555"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def message(self) -> str:
        return str(next(iter(self.body.values()))["message"])

    def header(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Caller:
    """One requester of one application."""

    app: Callable[..., Any]
    token: str | None = f"alice:{OWN}:member"
    version: str | None = None

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        version: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8774",
            "HTTP_HOST": "127.0.0.1:8774",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(raw),
            "wsgi.errors": io.StringIO(),
            "CONTENT_LENGTH": str(len(raw)) if raw else "",
            "CONTENT_TYPE": "application/json" if raw else "",
        }
        if self.token is not None:
            environ["HTTP_X_AUTH_TOKEN"] = self.token
        wanted = version or self.version
        if wanted is not None:
            environ["HTTP_OPENSTACK_API_VERSION"] = f"compute {wanted}"
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value
        seen: list[Any] = []
        out = b"".join(self.app(environ, lambda status, sent, exc=None: seen.append((status, sent))))
        return Reply(int(seen[0][0].split()[0]), seen[0][1], out)

    def get(self, path: str, version: str | None = None) -> Reply:
        return self.call("GET", "/v2.1" + path, None, version)

    def post(self, path: str, body: Any, version: str | None = None) -> Reply:
        return self.call("POST", "/v2.1" + path, body, version)

    def put(self, path: str, body: Any, version: str | None = None) -> Reply:
        return self.call("PUT", "/v2.1" + path, body, version)

    def delete(self, path: str, version: str | None = None) -> Reply:
        return self.call("DELETE", "/v2.1" + path, None, version)
