"""What the route table is made of, and finding a row by method, path and version.

A row's handler is called as `handler(ctx, svc, req)` when everything before it agrees, in this order: path,
version's form, media type, the action's name, the project in the path, the row's window, query and body, what
the path names (loaded by `LOADERS`), policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compute_service.api.policies.rule import Rule
from compute_service.api.query import Query
from compute_service.api.request import Handler, Loader
from compute_service.api.shape import Body, View
from compute_service.api.versions import HIGHEST, LOWEST, minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row: a method and a path, or one action of a path, in a window of versions.

    Rows of the same method and path have windows that do not overlap. `rule` None means that the handler asks
    the policy itself or that any authenticated user may.
    """

    method: str
    path: str
    handler: Handler | None
    """None: gone for good (410)."""
    rule: Rule | None = None
    body: type[Body] | None = None
    optional: bool = False
    """The body of an action may be null: it then has its defaults."""
    query: type[Query] | None = Query
    """None: parameters are never looked at."""
    reply: type[View] | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    """Statuses of other good answers."""
    since: str = "2.1"
    until: str | None = None
    load: Loader | None = None
    """Instead of those of the parts of the path."""
    action: str | None = None
    about: str = ""
    first: int = field(init=False, default=LOWEST)
    last: int = field(init=False, default=HIGHEST)

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", minor(self.since))
        object.__setattr__(self, "last", HIGHEST if self.until is None else minor(self.until))

    @property
    def names(self) -> tuple[str, ...]:
        """The parts of the path in braces."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def Get(path: str, handler: Handler, rule: Rule | None = None, **more: Any) -> Route:
    """A row that reads."""
    return Route(method="GET", path=path, handler=handler, rule=rule, **more)


def Post(path: str, handler: Handler, rule: Rule | None = None, **more: Any) -> Route:
    """A row that creates."""
    return Route(method="POST", path=path, handler=handler, rule=rule, **{"query": None, **more})


def Put(path: str, handler: Handler, rule: Rule | None = None, **more: Any) -> Route:
    """A row that changes."""
    return Route(method="PUT", path=path, handler=handler, rule=rule, **{"query": None, **more})


def Delete(path: str, handler: Handler, rule: Rule | None = None, **more: Any) -> Route:
    """A row that removes."""
    return Route(
        method="DELETE", path=path, handler=handler, rule=rule, **{"query": None, "status": 204, **more}
    )


def Act(name: str, handler: Handler, rule: Rule | None = None, **more: Any) -> Route:
    """An action; its body type describes the value under the action's name. See `actions`."""
    return Route(
        method="POST",
        path="",
        action=name,
        handler=handler,
        rule=rule,
        **{"query": None, "status": 202, **more},
    )


def actions(path: str, *acts: Route) -> tuple[Route, ...]:
    """Put actions under a path: the body of a POST is an object whose only key is the action's name."""
    return tuple(replace(act, path=path) for act in acts)


def gone(path: str, *methods: str, actions: tuple[str, ...] = ()) -> tuple[Route, ...]:
    """Rows that answer 410 at every version; `actions` are those of `POST <path>/action`."""
    rows = [Route(method=method, path=path, handler=None, query=None) for method in methods]
    rows += [
        Route(method="POST", path=f"{path}/action", action=name, handler=None, query=None) for name in actions
    ]
    return tuple(rows)


def alias(path: str, of: str, rows: Iterable[Route], until: str) -> tuple[Route, ...]:
    """Repeat rows under another path, up to a version."""
    last = minor(until)
    return tuple(
        replace(row, path=path + row.path.removeprefix(of), until=f"2.{min(last, row.last)}")
        for row in rows
        if (row.path == of or row.path.startswith(of + "/")) and row.first <= last
    )


@dataclass(slots=True)
class Place:
    """A path of the table: its rows by method, and its actions by name."""

    names: tuple[str, ...] = ()
    methods: dict[str, list[Route]] = field(default_factory=dict)
    actions: dict[str, list[Route]] = field(default_factory=dict)


_ANY = 0
"""Leads to what stands in braces; no part of a path is a number."""


class Table:
    """The routes, found by walking the parts of a path; a literal part goes before one in braces."""

    def __init__(self, routes: Iterable[Route], loaders: Mapping[str, Loader] | None = None) -> None:
        self.loaders = dict(loaders or {})
        self._root: dict[Any, Any] = {}
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.path.strip("/").split("/"):
            node = node.setdefault(_ANY if part.startswith("{") else part, {})
        place: Place = node.setdefault(None, Place(route.names))
        if place.names != route.names:
            raise ValueError(f"{route.path}: parts are named {place.names} elsewhere")
        rows = (
            place.methods.setdefault(route.method, [])
            if route.action is None
            else place.actions.setdefault(route.action, [])
        )
        if any(row.first <= route.last and route.first <= row.last for row in rows):
            raise ValueError(f"{route.method} {route.path} {route.action or ''}: windows overlap")
        rows.append(route)

    def knows(self, part: str) -> bool:
        """Tell whether paths begin with a part."""
        return part in self._root

    def find(self, parts: list[str]) -> tuple[Place, dict[str, str]] | None:
        """Return the place of a path and what its parts in braces are, or None."""
        node, caught = self._root, []
        for part in parts:
            inner = node.get(part)
            if inner is None:
                inner = node.get(_ANY)
                if inner is None or not part:
                    return None
                caught.append(part)
            node = inner
        place = node.get(None)
        return None if place is None else (place, dict(zip(place.names, caught, strict=True)))

    def load(self, route: Route) -> Loader | None:
        """Return what fetches the thing that a route's path names."""
        if route.load is not None:
            return route.load
        return next((self.loaders[name] for name in route.names if name in self.loaders), None)


def row_at(rows: Iterable[Route], version: int) -> Route | None:
    """Return the row whose window holds a version."""
    return next((row for row in rows if row.first <= version <= row.last), None)
