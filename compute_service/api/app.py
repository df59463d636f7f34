"""The API as a WSGI application: Pecan carries request and response, the table decides.

    CrossOrigin   what pages of other sites may, where [cors] allows any
      Edge        request ids, body size, faults of last resort, one log line
        Front     the documents about versions, which need no token
          authenticate (keystonemiddleware or `context.no_auth`)
            ComputeApp   context → row → version → body → what the path names → policy → handler → answer

`application` puts them together. Two methods of Pecan are overridden, `find_controller` and
`invoke_controller`; `tests/unit/api/test_app.py` holds Pecan to them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from compute_service.api import versions
from compute_service.api.bare_pecan import ExplicitPecan
from compute_service.api.context import REQUEST_ID, Environ, WsgiApp, context_of
from compute_service.api.cors import with_cors
from compute_service.api.edge import JSON, Edge
from compute_service.api.errors import NO_SUCH_PLACE, Fault, Gone, fault_of
from compute_service.api.fields import Bad
from compute_service.api.front import Front
from compute_service.api.hosts import HostStatuses
from compute_service.api.incoming import action_of, decoded, path_of, raw_body
from compute_service.api.links import Links, application_root
from compute_service.api.policy import Policy
from compute_service.api.query import pairs_of, read_query
from compute_service.api.request import Reply, Request, encode
from compute_service.api.routes import TABLE
from compute_service.api.shape import View, body_field, complaint, read, trim
from compute_service.api.table import Place, Route, Table, row_at
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, Invalid, NotFound

LOG = logging.getLogger(__name__)
ROUTE = "stratus.route"
"""Where the WSGI environment tells the row that a request took, for metrics."""

_PROJECT = re.compile(r"[0-9a-f-]+\Z")


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
    settings = parts.svc.settings
    limits = settings.oslo_middleware
    front = Front(authenticate(ComputeApp(parts)), parts.link_prefix)
    edge = Edge(front, limits.max_request_body_size, limits.enable_proxy_headers_parsing)
    return with_cors(edge, settings.cors)


@dataclass(slots=True)
class _Hit:
    """Where a request leads: nowhere when `place` is None."""

    place: Place | None
    params: dict[str, str] = field(default_factory=dict)
    project: str | None = None
    prefix: str = "v2.1"


class ComputeApp(ExplicitPecan):  # type: ignore[misc]
    """What needs a token: finds the row, checks the request against it, and calls its handler."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(root=object())
        self._parts = parts

    def determine_hooks(self, controller: Any = None) -> list[Any]:
        """Return no hooks: nothing here needs them."""
        return []

    def find_controller(self, state: Any) -> tuple[_Hit, tuple[()], dict[str, str]]:
        """Find the place of the request's path in the table."""
        prefix, *parts = path_of(state.request.environ).lstrip("/").split("/")
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
            version = versions.LOWEST if legacy else versions.asked_by(environ)
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
            for name, value in versions.headers(version):
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
            raw = raw_body(environ)
        if rows is None:
            if method != "POST" or not place.actions:
                raise NotFound(NO_SUCH_PLACE)
            name, body = action_of(raw)
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
        return self._call(row, req, environ, decoded(raw) if row.body and row.action is None else body)

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
