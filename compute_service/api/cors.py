"""Lets pages of other sites use the API from a browser, as [cors] allows. Source: Fetch standard, "CORS".

A browser tells of the site in `Origin`, and before all but the plainest requests it asks with OPTIONS (the
preflight) whether the method and the headers are allowed. The answer is in headers that the browser heeds;
nothing is kept from other clients, who send no `Origin`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compute_service.api.context import Environ, StartResponse, WsgiApp
from compute_service.config.cors import Cors

Headers = list[tuple[str, str]]

_ANY = "*"
_ALWAYS_SENT = frozenset(
    {"accept", "accept-language", "content-language", "content-type", "cache-control", "expires"}
    | {"last-modified", "pragma", "origin"}
)
"""Headers that need not be allowed by name."""


def with_cors(app: WsgiApp, options: Cors) -> WsgiApp:
    """Return the application as pages of the allowed sites may use it; itself when none are."""
    return CrossOrigin(app, options) if options.allowed_origin else app


class CrossOrigin:
    """The layer around all others."""

    def __init__(self, app: WsgiApp, options: Cors) -> None:
        self._app, self._options = app, options
        self._methods = frozenset(options.allow_methods)
        self._names = _ALWAYS_SENT | {name.lower() for name in options.allow_headers}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a preflight; give any other answer the headers that its page needs."""
        origin = self._allowed(environ.get("HTTP_ORIGIN"))
        wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
        if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ORIGIN" in environ and wanted:
            names = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
            allowed = [] if origin is None else self._preflight(origin, wanted, names)
            start_response("200 OK", [("Content-Length", "0"), ("Vary", "Origin"), *allowed])
            return [b""]

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            sent = [*headers, ("Vary", "Origin"), *([] if origin is None else self._shared(origin))]
            return start_response(status, sent, exc_info) if exc_info else start_response(status, sent)

        return self._app(environ, start)

    def _allowed(self, origin: str | None) -> str | None:
        """Return the site as the answer names it, or None for one that is not allowed."""
        if origin is None:
            return None
        if origin in self._options.allowed_origin:
            return origin
        return _ANY if _ANY in self._options.allowed_origin else None

    def _preflight(self, origin: str, method: str, names: str) -> Headers:
        """Return what is allowed of the method and the headers that a page wants to send; all or nothing."""
        asked = [name.strip() for name in names.split(",") if name.strip()]
        if method not in self._methods or any(name.lower() not in self._names for name in asked):
            return []
        out = [*self._named(origin), ("Access-Control-Allow-Methods", method)]
        if asked:
            out.append(("Access-Control-Allow-Headers", ",".join(asked)))
        if self._options.max_age is not None:
            out.append(("Access-Control-Max-Age", str(self._options.max_age)))
        return out

    def _shared(self, origin: str) -> Headers:
        """Return the headers with which a page may read an answer."""
        exposed = ",".join(self._options.expose_headers)
        return [*self._named(origin), *([("Access-Control-Expose-Headers", exposed)] if exposed else [])]

    def _named(self, origin: str) -> Headers:
        out = [("Access-Control-Allow-Origin", origin)]
        if self._options.allow_credentials and origin != _ANY:
            out.append(("Access-Control-Allow-Credentials", "true"))
        return out
