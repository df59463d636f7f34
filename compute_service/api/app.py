"""The API as a WSGI application: Pecan carries request and response, the table decides.

    Edge       request ids, body size, faults of last resort, one log line
      Front    the documents about versions, which need no token
        authenticate (keystonemiddleware or `context.no_auth`)
          ComputeApp   context → row → version → body → what the path names → policy → handler → answer

`application` puts them together. Two methods of Pecan are overridden, `find_controller` and
`invoke_controller`; `tests/unit/api/test_app.py` holds Pecan to them.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pecan.core

from compute_service.api import discovery, versions
from compute_service.api.context import (
    REQUEST_ID,
    Environ,
    StartResponse,
    WsgiApp,
    context_of,
    name_request,
)
from compute_service.api.errors import (
    NO_SUCH_PLACE,
    BadMediaType,
    Fault,
    Gone,
    TooLarge,
    fault,
    fault_of,
)
from compute_service.api.fields import Bad
from compute_service.api.hosts import HostStatuses
from compute_service.api.links import Links, application_root
from compute_service.api.policy import Policy
from compute_service.api.query import pairs_of, read_query
from compute_service.api.request import Reply, Request, encode
from compute_service.api.routes import TABLE
from compute_service.api.shape import View, body_field, complaint, read, trim
from compute_service.api.table import Place, Route, Table, row_at
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, Invalid, NotFound
from compute_service.domain.request_id import bound

LOG = logging.getLogger(__name__)
ACCESS = logging.getLogger("compute_service.api.access")
ROUTE = "stratus.route"
"""Where the WSGI environment tells the row that a request took, for metrics."""
JSON = "application/json"

_PROJECT = re.compile(r"[0-9a-f-]+\Z")
_HEADER, _OLD_HEADER = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is made of."""

    svc: Services
    policy: Policy
    table: Table = TABLE
    hosts: HostStatuses = field(default_factory=HostStatuses)

    @property
    def link_prefix(self) -> str | None:
        """The address that links begin with, when it is not the one asked."""
        return self.svc.settings.api.compute_link_prefix


def application(parts: Parts, authenticate: Callable[[WsgiApp], WsgiApp]) -> WsgiApp:
    """Return the whole API. `authenticate` wraps what needs a token."""
    settings = parts.svc.settings.oslo_middleware
    front = Front(authenticate(ComputeApp(parts)), parts.link_prefix)
    return Edge(front, settings.max_request_body_size, settings.enable_proxy_headers_parsing)


def _answer(
    start_response: StartResponse, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> list[bytes]:
    start_response(
        f"{status} {_REASONS.get(status, 'Unknown')}",
        [("Content-Type", JSON), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


_REASONS = {
    200: "OK",
    300: "Multiple Choices",
    302: "Found",
    404: "Not Found",
    413: "Request Entity Too Large",
}
_REASONS[500] = "Internal Server Error"


class Edge:
    """The outermost layer: names the request, bounds its body, and lets no error out without a fault body."""

    def __init__(self, app: WsgiApp, max_body: int, proxied: bool = False) -> None:
        self._app, self._max_body, self._proxied = app, max_body, proxied

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        began = time.perf_counter()
        request_id = name_request(environ)
        seen: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.append(status)
            named = [*headers, ("x-openstack-request-id", request_id), ("x-compute-request-id", request_id)]
            return start_response(status, named, exc_info) if exc_info else start_response(status, named)

        try:
            with bound(request_id):
                body = self._bounded(environ, start)
        except Exception as error:
            LOG.exception("request %s failed", request_id)
            refused = fault_of(error)
            body = _answer(start, refused.status, refused.body)
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
            return _answer(start, refused.status, refused.body)
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


class Front:
    """What can be asked without a token: which versions there are."""

    def __init__(self, app: WsgiApp, link_prefix: str | None) -> None:
        self._app, self._prefix = app, link_prefix

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer about versions, or pass on."""
        path: str = environ.get("PATH_INFO", "")
        version, _, rest = path.lstrip("/").partition("/")
        if version in ("v2.1", "v2") and rest.strip("/"):
            return self._app(environ, start_response)
        root = application_root(environ, self._prefix)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            refused = fault(404, NO_SUCH_PLACE)
            return self._send(environ, start_response, refused.status, refused.body)
        if path == "":
            start_response("302 Found", [("Location", f"{root}/"), ("Content-Length", "0")])
            return [b""]
        if not path.strip("/"):
            return self._send(environ, start_response, 200, encode(discovery.version_list(root)))
        if version in ("v2.1", "v2"):
            return self._document(environ, start_response, root, version)
        return self._send(environ, start_response, 300, encode(discovery.choices(root, path)))

    def _document(
        self, environ: Environ, start_response: StartResponse, root: str, version: str
    ) -> Iterable[bytes]:
        headers: list[tuple[str, str]] = []
        if version == "v2.1":
            try:
                asked = versions.negotiate(
                    environ.get("HTTP_OPENSTACK_API_VERSION"),
                    environ.get("HTTP_X_OPENSTACK_NOVA_API_VERSION"),
                )
            except ComputeError as error:
                refused = fault_of(error)
                return self._send(environ, start_response, refused.status, refused.body)
            headers = _version_headers(asked)
        document = discovery.version_document(root, "v2.0" if version == "v2" else version)
        assert document is not None  # noqa: S101
        return self._send(environ, start_response, 200, encode(document), headers)

    @staticmethod
    def _send(
        environ: Environ,
        start_response: StartResponse,
        status: int,
        body: bytes,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Iterable[bytes]:
        sent = _answer(start_response, status, body, headers)
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else sent


def _version_headers(version: int) -> list[tuple[str, str]]:
    shown = versions.text(version)
    return [
        (_HEADER, f"compute {shown}"),
        (_OLD_HEADER, shown),
        ("Vary", _HEADER),
        ("Vary", _OLD_HEADER),
    ]


@dataclass(slots=True)
class _Hit:
    """Where a request leads: nowhere when `place` is None."""

    place: Place | None
    params: dict[str, str] = field(default_factory=dict)
    project: str | None = None
    prefix: str = "v2.1"


class ComputeApp(pecan.core.ExplicitPecan):  # type: ignore[misc]
    """What needs a token: finds the row, checks the request against it, and calls its handler."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(root=object())
        self._parts = parts

    def determine_hooks(self, controller: Any = None) -> list[Any]:
        """Return no hooks: nothing here needs them."""
        return []

    def find_controller(self, state: Any) -> tuple[_Hit, tuple[()], dict[str, str]]:
        """Find the place of the request's path in the table."""
        prefix, *parts = _path_of(state.request.environ).strip("/").split("/")
        table, project = self._parts.table, None
        if not table.knows(parts[0]) and _PROJECT.match(parts[0]):
            project, parts = parts[0], parts[1:]
        found = table.find(parts or [""])
        state.controller = None
        if found is None:
            return _Hit(None, prefix=prefix), (), {}
        return _Hit(found[0], found[1], project, prefix), (), found[1]

    def invoke_controller(self, controller: _Hit, args: Any, kwargs: dict[str, str], state: Any) -> None:
        """Answer the request, whatever happens."""
        environ, version = state.request.environ, None
        try:
            ctx = context_of(environ, self._parts.policy)
            if controller.place is None:
                raise NotFound(NO_SUCH_PLACE)
            legacy = controller.prefix == "v2"
            version = versions.LOWEST if legacy else _version_of(environ)
            req = self._request(environ, controller, ctx, version, legacy)
            reply = self._run(environ, controller, req)
        except ComputeError as error:
            reply = _refusal(fault_of(error))
        except Exception as error:
            LOG.exception("request %s failed", environ.get(REQUEST_ID))
            reply = _refusal(fault_of(error))
        response = state.response
        response.status_int = reply.status
        response.headers["Content-Type"] = JSON
        response.body = reply.body or b""
        if reply.status == 204:
            del response.headers["Content-Type"], response.headers["Content-Length"]
        for name, value in reply.headers:
            response.headers.add(name, value)
        if version is not None and controller.prefix != "v2":
            for name, value in _version_headers(version):
                response.headers.add(name, value)

    def _handle_empty_response_body(self, state: Any) -> None:
        """Keep Pecan from making 204 of an empty 200."""

    def _request(self, environ: Environ, hit: _Hit, ctx: Any, version: int, legacy: bool) -> Request:
        root = application_root(environ, self._parts.link_prefix)
        links = Links(root, hit.prefix, hit.project)
        req = Request(ctx, self._parts.policy, version, links, self._parts.hosts)
        req.params, req.legacy = hit.params, legacy
        return req

    def _run(self, environ: Environ, hit: _Hit, req: Request) -> Reply:
        place = hit.place
        assert place is not None  # noqa: S101
        method = environ["REQUEST_METHOD"]
        rows = place.methods.get(method)
        raw, body = b"", None
        if method in ("POST", "PUT") or environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
            raw = _raw_body(environ)
        if rows is None:
            if method != "POST" or not place.actions:
                raise NotFound(NO_SUCH_PLACE)
            name, body = _action_of(raw)
            rows = place.actions.get(name)
            if rows is None:
                raise Invalid(f"There is no such action: {name}")
        if hit.project is not None and hit.project != req.ctx.project_id:
            raise Invalid(
                f"Malformed request URL: URL's project_id '{hit.project}' doesn't match "
                f"Context's project_id '{req.ctx.project_id}'"
            )
        row = row_at(rows, req.version)
        if row is None:
            raise NotFound(NO_SUCH_PLACE)
        if row.handler is None:
            raise Gone("This API is no longer available.")
        return self._call(row, req, environ, _decoded(raw) if row.body and row.action is None else body)

    def _call(self, row: Route, req: Request, environ: Environ, body: Any) -> Reply:
        assert row.handler is not None  # noqa: S101
        svc = self._parts.svc
        environ[ROUTE] = row.path if row.action is None else f"{row.path} {row.action}"
        req.pairs = pairs_of(environ.get("QUERY_STRING", ""))
        if row.query is not None:
            req.fill(query=read_query(row.query, req.pairs, req.version))
        if row.body is not None:
            req.fill(body=_body_of(row, body, req))
        loader = self._parts.table.load(row)
        if loader is not None:
            loader(req.ctx, svc, req)
        if row.rule is not None:
            req.enforce(row.rule)
        answer = row.handler(req.ctx, svc, req)
        return _reply(answer, row, req.version)


def _body_of(row: Route, body: Any, req: Request) -> Any:
    """Read a row's body; an action's is the value under its name."""
    assert row.body is not None  # noqa: S101
    if row.action is None:
        return read(row.body, body, req.version, req.legacy)
    if body is None and row.optional:
        return row.body()
    try:
        return body_field(row.body, req.version, req.legacy).check(body)
    except Bad as bad:
        bad.at = row.action if bad.at is None else bad.at
        raise complaint(bad) from None


def _version_of(environ: Environ) -> int:
    return versions.negotiate(
        environ.get("HTTP_OPENSTACK_API_VERSION"), environ.get("HTTP_X_OPENSTACK_NOVA_API_VERSION")
    )


def _path_of(environ: Environ) -> str:
    """Return the path as text; one that is not UTF-8 leads nowhere."""
    path: str = environ.get("PATH_INFO", "")
    if path.isascii():
        return path
    return path.encode("latin-1").decode("utf-8", "replace")


_JSON_TYPES = (JSON, discovery.MEDIA, "text/plain", "")


def _raw_body(environ: Environ) -> bytes:
    """Return the body. Raises BadMediaType, or Invalid when it is shorter than announced."""
    kind = (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise BadMediaType(f"Unsupported Content-Type {kind}")
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        raw: bytes = stream.read(int(length))
        if len(raw) < int(length):
            raise Invalid("The request body ended early.")
        return raw
    return stream.read() if environ.get("HTTP_TRANSFER_ENCODING") else b""


def _decoded(raw: bytes) -> Any:
    if not raw:
        raise Invalid("Malformed request body")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid("Malformed request body") from None


def _action_of(raw: bytes) -> tuple[str, Any]:
    """Return the name and the value of the only key of a body."""
    decoded = _decoded(raw)
    if not isinstance(decoded, dict) or len(decoded) != 1:
        raise Invalid("Malformed request body")
    return next(iter(decoded.items()))


def _refusal(refused: Fault) -> Reply:
    return Reply(status=refused.status, body=refused.body)


def _reply(answer: View | Reply | None, row: Route, version: int) -> Reply:
    """Complete what a handler answered: status from the row, the view cut to the version and encoded."""
    if answer is None:
        return Reply(status=row.status)
    reply = answer if isinstance(answer, Reply) else Reply(view=answer)
    if reply.status is None:
        reply = reply._replace(status=row.status)
    if reply.view is not None:
        reply = reply._replace(body=encode(trim(reply.view, version)))
    return reply
