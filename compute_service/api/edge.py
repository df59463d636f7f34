"""The outermost layer of the API: what holds for every request, whoever sends it and wherever it leads."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from compute_service.api.context import GLOBAL_REQUEST_ID, Environ, StartResponse, WsgiApp, name_request
from compute_service.api.errors import TooLarge, fault_of
from compute_service.domain.request_id import Asker, bound

LOG = logging.getLogger(__name__)
ACCESS = logging.getLogger("compute_service.api.access")
JSON = "application/json"


def answer(
    start_response: StartResponse, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> list[bytes]:
    """Send a whole answer."""
    start_response(
        f"{status} {_REASONS.get(status, 'Unknown')}",
        [("Content-Type", JSON), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


_REASONS = {
    200: "OK",
    300: "Multiple Choices",
    302: "Found",
    400: "Bad Request",
    404: "Not Found",
    406: "Not Acceptable",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
}


class Edge:
    """The outermost layer: names the request, bounds its body, and lets no error out without a fault body."""

    def __init__(self, app: WsgiApp, max_body: int, proxied: bool = False) -> None:
        self._app, self._max_body, self._proxied = app, max_body, proxied

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request_id = name_request(environ)
        with bound(Asker(request_id, environ[GLOBAL_REQUEST_ID])):
            return self._answer(request_id, environ, start_response)

    def _answer(self, request_id: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        seen: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.append(status)
            named = [*headers, ("x-openstack-request-id", request_id), ("x-compute-request-id", request_id)]
            return start_response(status, named, exc_info) if exc_info else start_response(status, named)

        try:
            body = self._bounded(environ, start)
        except Exception as error:
            LOG.exception("request %s failed", request_id)
            refused = fault_of(error)
            body = answer(start, refused.status, refused.body)
        ACCESS.info(
            '%s %s "%s %s" status: %s time: %.6f',
            environ.get("REMOTE_ADDR", "-"),
            request_id,
            environ["REQUEST_METHOD"],
            environ.get("PATH_INFO", ""),
            seen[-1].split(" ", 1)[0] if seen else "-",
            time.perf_counter() - began,
        )
        return body

    def _bounded(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if self._proxied:
            _believe_proxy(environ)
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdigit() and int(length) > self._max_body:
            refused = fault_of(TooLarge("Request is too large."))
            return answer(start, refused.status, refused.body)
        if environ.get("HTTP_TRANSFER_ENCODING"):
            environ["wsgi.input"] = _Bounded(environ["wsgi.input"], self._max_body)
        return self._app(environ, start)


def _believe_proxy(environ: Environ) -> None:
    """Take scheme, host and prefix of the address from what the proxy in front says was asked."""
    get = environ.get
    forwarded = dict(
        pair.strip().split("=", 1)
        for pair in get("HTTP_FORWARDED", "").split(",")[0].split(";")
        if "=" in pair
    )
    scheme = forwarded.get("proto", "").strip('"') or get("HTTP_X_FORWARDED_PROTO")
    host = forwarded.get("host", "").strip('"') or get("HTTP_X_FORWARDED_HOST")
    if scheme:
        environ["wsgi.url_scheme"] = scheme.lower()
    if host:
        environ["HTTP_HOST"] = host.split(",")[0].strip()
    if get("HTTP_X_FORWARDED_PREFIX"):
        environ["SCRIPT_NAME"] = environ["HTTP_X_FORWARDED_PREFIX"]


class _Bounded:
    """An input of unknown length that refuses to be longer than allowed."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes. Raises TooLarge."""
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        data: bytes = self._stream.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge("Request is too large.")
        return data
