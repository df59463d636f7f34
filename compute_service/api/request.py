"""What a handler is given beside the context and the services, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from compute_service.api.errors import NO_SUCH_PLACE
from compute_service.api.hosts import HostStatuses
from compute_service.api.links import Links
from compute_service.api.policies.rule import Rule
from compute_service.api.policy import Policy, Target
from compute_service.api.shape import Body, FreeView, View, includes
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound, PolicyDenied
from compute_service.store.servers import Located

T = TypeVar("T", bound=Body)


class Reply(NamedTuple):
    """An answer that needs more than a view: another status, headers, or a body as bytes."""

    view: View | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


Answer = View | Reply | None
"""None: an empty body with the route's status."""


class Request:
    """One request, checked: route, version, parameters and body fit together before a handler sees it."""

    __slots__ = (
        "_body",
        "_memo",
        "_query",
        "_server",
        "ctx",
        "hosts",
        "legacy",
        "links",
        "pairs",
        "params",
        "policy",
        "target",
        "version",
    )

    def __init__(
        self, ctx: Context, policy: Policy, version: int, links: Links, hosts: HostStatuses | None = None
    ) -> None:
        self.ctx, self.policy, self.version, self.links = ctx, policy, version, links
        self.hosts = HostStatuses() if hosts is None else hosts
        """The status of every compute host, as last looked at."""
        self.params: dict[str, str] = {}
        """The parts of the path that the route names in braces."""
        self.pairs: list[tuple[str, str]] = []
        """The parameters of the address as given."""
        self.legacy = False
        """Asked through /v2: extra keys of bodies are passed over."""
        self.target: Target = {"project_id": ctx.project_id, "user_id": ctx.user_id}
        """What is acted upon, for the policy."""
        self._body: Body | None = None
        self._query: Body | None = None
        self._server: Located | None = None
        self._memo: dict[tuple[str, Any, Any], bool] = {}

    def body(self, kind: type[T]) -> T:
        """Return the body, of the type that the route names."""
        if not isinstance(self._body, kind):
            raise TypeError(f"the route's body is {type(self._body).__name__}, not {kind.__name__}")
        return self._body

    def query(self, kind: type[T]) -> T:
        """Return the parameters of the address, of the type that the route names."""
        if not isinstance(self._query, kind):
            raise TypeError(f"the route's query is {type(self._query).__name__}, not {kind.__name__}")
        return self._query

    @property
    def server(self) -> Located:
        """The server named in the path."""
        if self._server is None:
            raise TypeError("the route names no server")
        return self._server

    def fill(self, *, body: Body | None = None, query: Body | None = None) -> None:
        """Set what was read for the route."""
        self._body = body if body is not None else self._body
        self._query = query if query is not None else self._query

    def take_server(self, server: Located) -> None:
        """Set the server named in the path: it is what is acted upon."""
        self._server = server
        instance = server.instance
        self.target = {"project_id": instance.project_id, "user_id": instance.user_id}

    def allows(self, rule: Rule, target: Target | None = None) -> bool:
        """Tell whether the requester may; by default upon what the path names."""
        target = self.target if target is None else target
        key = (rule.name, target.get("project_id"), target.get("user_id"))
        known = self._memo.get(key)
        if known is None:
            known = self._memo[key] = self.policy.allows(self.ctx, rule, target)
        return known

    def enforce(self, rule: Rule, target: Target | None = None) -> None:
        """Refuse what the requester may not do. Raises PolicyDenied."""
        if not self.allows(rule, target):
            raise PolicyDenied(rule.name)

    def shows(self, view: type[View], field: str) -> bool:
        """Tell whether a view has a field at this request's version."""
        return includes(view, field, self.version)

    def at_least(self, version: int) -> bool:
        """Tell whether the request is at or above a version."""
        return self.version >= version

    def number(self, name: str) -> int:
        """Return a part of the path that must be a whole number. Raises NotFound."""
        value = self.params[name]
        if not value.isascii() or not value.isdigit() or len(value) > 18:
            raise NotFound(NO_SUCH_PLACE)
        return int(value)


Handler = Callable[[Context, Services, Request], Answer]
Loader = Callable[[Context, Services, Request], None]
"""Fetches what a part of the path names before the policy is asked: sets `req.target` and fills `req`."""


def encode(view: View) -> bytes:
    """Return a view as JSON."""
    return msgspec.json.encode(view.items if isinstance(view, FreeView) else view)
