"""A small WSGI application: a table of routes, JSON in and out, errors in a service's own form."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Invalid, NotFound

LOG = logging.getLogger(__name__)

PIECE = 64 * 1024
LARGEST_JSON = 4 * 1024 * 1024
"""Bytes of the largest body that is read as JSON."""


class NotAllowed(ComputeError):
    """There is something at this address, but not for this method (405)."""

    status = 405


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `environ` has who asks, where a check of tokens stands before the application."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    environ: Mapping[str, Any]

    @property
    def root(self) -> str:
        """The application's address as the client wrote it, without a slash at its end."""
        host = self.environ.get("HTTP_HOST") or "{SERVER_NAME}:{SERVER_PORT}".format(**self.environ)
        return f"{self.environ['wsgi.url_scheme']}://{host}{quote(self.environ.get('SCRIPT_NAME', ''))}"

    @property
    def ctx(self) -> Context:
        """Who asks, as the check of tokens found out."""
        roles = tuple(filter(None, self.header("X-Roles").split(",")))
        return Context(
            request_id=self.header("X-Openstack-Request-Id") or "req-twin",
            user_id=self.header("X-User-Id"),
            project_id=self.header("X-Project-Id"),
            roles=roles,
            is_admin="admin" in roles,
        )

    def header(self, name: str) -> str:
        """Return a header, or nothing."""
        return str(self.environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))

    def last(self, name: str) -> str | None:
        """Return the last value of a query parameter, or None."""
        return dict(self.query).get(name)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body. Raises Invalid for one whose end cannot be known."""
        stream = self.environ["wsgi.input"]
        length = self.environ.get("CONTENT_LENGTH") or None
        if length is None and not self.environ.get("wsgi.input_terminated"):
            if self.environ.get("HTTP_TRANSFER_ENCODING"):
                raise Invalid("This server takes no body without a Content-Length.")
            return
        left = int(length) if length is not None else None
        while left is None or left > 0:
            piece = stream.read(PIECE if left is None else min(PIECE, left))
            if not piece:
                return
            left = None if left is None else left - len(piece)
            yield piece

    def json(self) -> Any:
        """Return the body as JSON. Raises Invalid."""
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > LARGEST_JSON:
                raise Invalid("The body is too large.")
        try:
            return msgspec.json.decode(bytes(body))
        except msgspec.DecodeError as error:
            raise Invalid(f"The body is not JSON: {error}") from error

    def member(self, name: str) -> dict[str, Any]:
        """Return the object that a body wraps in `name`. Raises Invalid."""
        body = self.json()
        if not isinstance(body, dict) or not isinstance(body.get(name), dict):
            raise Invalid(f"The body must be an object with a '{name}' in it.")
        found: dict[str, Any] = body[name]
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `body` is JSON to be, unless it is bytes or an iterator of them; None is no body."""

    body: object = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


Handler = Callable[..., Answer]
ErrorBody = Callable[[ComputeError], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path with `{names}`; `handler(request, **names)` answers."""

    method: str
    path: str
    handler: Handler
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        named = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        object.__setattr__(self, "pattern", re.compile(named))


class Router:
    """Answers by a table of routes; a HEAD is answered as a GET without the body."""

    def __init__(self, routes: Sequence[Route], error_body: ErrorBody) -> None:
        self._routes = tuple(routes)
        self._error_body = error_body

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a WSGI request."""
        request = Request(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO", "").rstrip("/") or "/",
            query=tuple(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
            environ=environ,
        )
        try:
            answer = self._answer(request)
        except ComputeError as error:
            answer = self._error_body(error)
        except Exception:
            LOG.exception("%s %s failed", request.method, request.path)
            answer = self._error_body(ComputeError("The twin failed; its log says why."))
        return send(answer, start_response, head=request.method == "HEAD")

    def _answer(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        found = [(r, m) for r in self._routes if (m := r.pattern.fullmatch(request.path)) is not None]
        for route, match in found:
            if route.method == method:
                return route.handler(request, **match.groupdict())
        if found:
            raise NotAllowed(f"{request.method} is not for {request.path}.")
        raise NotFound("The resource could not be found.")


def send(answer: Answer, start_response: Callable[..., Any], head: bool = False) -> Iterable[bytes]:
    """Begin a WSGI response and return its body."""
    headers = list(answer.headers)
    body = answer.body
    if body is not None and not isinstance(body, bytes | Iterator):
        body = msgspec.json.encode(body)
    if body is not None:
        headers.append(("Content-Type", answer.content_type))
    if not isinstance(body, Iterator):
        headers.append(("Content-Length", str(len(body or b""))))
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
    if head or body is None:
        return [b""]
    return [body] if isinstance(body, bytes) else body
