"""Health checks of an API by load balancers: answered without a token, before anything else looks at them.

    GET /healthcheck        ready: this process answers and its database does
    GET /healthcheck/live   alive: this process answers

`200 OK`, or `503 Service Unavailable`; as text, or as JSON where `Accept` asks for it, in the form that other
OpenStack services have: `{"detailed": false, "reasons": ["OK"]}`. No word of what is wrong leaves the site.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from compute_service.store.engine import Store

LOG = logging.getLogger(__name__)

READY, LIVE = "/healthcheck", "/healthcheck/live"
_FRESH = 5.0
_JSON, _TEXT = "application/json", "text/plain; charset=UTF-8"

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def ping(store: Store) -> None:
    """Raise when the API database does not answer."""
    with store.api.read() as tx:
        tx.ping()


class Remembered:
    """A check whose outcome is believed for some seconds; while one looks, the others go by the last outcome.

    So a database that hangs holds one thread of the API, however many load balancers ask.
    """

    def __init__(self, check: Callable[[], object], fresh: float = _FRESH) -> None:
        self._check = check
        self._fresh = fresh
        self._looking = threading.Lock()
        self._looked_at = -fresh
        self._holds = True

    def __call__(self) -> bool:
        """Tell whether the check holds."""
        if time.monotonic() - self._looked_at >= self._fresh and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._holds

    def _look(self) -> None:
        try:
            self._check()
        except Exception as error:
            if self._holds:
                LOG.error("not ready: %s", error)
            self._holds = False
        else:
            if not self._holds:
                LOG.info("ready again")
            self._holds = True
        self._looked_at = time.monotonic()


def with_health(app: WsgiApp, ready: Callable[[], bool]) -> WsgiApp:
    """Wrap an application so that it answers health checks."""

    def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == READY:
            return _answer(environ, start_response, ready())
        if path == LIVE:
            return _answer(environ, start_response, True)
        return app(environ, start_response)

    return answering


def _answer(environ: dict[str, Any], start_response: Callable[..., Any], holds: bool) -> Iterable[bytes]:
    method = environ.get("REQUEST_METHOD")
    status = "200 OK" if holds else "503 Service Unavailable"
    reason = "OK" if holds else "Service Unavailable"
    headers = [("Cache-Control", "no-store")]
    if method not in ("GET", "HEAD"):
        status, reason, headers = "405 Method Not Allowed", "Method Not Allowed", [("Allow", "GET, HEAD")]
    as_json = _JSON in environ.get("HTTP_ACCEPT", "")
    body = msgspec.json.encode({"detailed": False, "reasons": [reason]}) if as_json else reason.encode()
    kind = _JSON if as_json else _TEXT
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers])
    return [b""] if method == "HEAD" else [body]
