"""The reference pages of the HTTP API: routes, policies, filters and microversions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from compute_service.api.policies import ALL
from compute_service.api.policies.rule import BASE, Rule
from compute_service.api.routes import ROUTES
from compute_service.api.table import Route
from compute_service.api.versions import HIGHEST, LOWEST, MICROVERSIONS, text
from compute_service.scheduler.reference import filter_rows, weigher_rows

Table = Callable[[Sequence[str], Iterable[Sequence[object]]], str]
"""How a table is written: heads and rows."""


def _versions(route: Route) -> str:
    if route.first == LOWEST and route.last == HIGHEST:
        return "all"
    if route.last == HIGHEST:
        return f"from {text(route.first)}"
    if route.first == LOWEST:
        return f"to {text(route.last)}"
    return f"{text(route.first)} – {text(route.last)}"


def _shape(shape: type | None) -> str:
    return "–" if shape is None else f"`{shape.__name__}`"


def _route_row(route: Route) -> tuple[object, ...]:
    call = f"`{route.method} {route.path}`" + (f" `{route.action}`" if route.action else "")
    if route.handler is None:
        return call, "gone (410)", "–", "–", "–", 410
    rule = "–" if route.rule is None else f"`{route.rule.name}`"
    return call, _versions(route), rule, _shape(route.body), _shape(route.reply), route.status


def _resource(route: Route) -> str:
    first = route.path.strip("/").split("/")[0]
    return first if first else "versions"


def routes_page(table: Table) -> str:
    """Return every route of the API, by resource."""
    heads = ("call", "versions", "permission", "body", "reply", "status")
    parts = [
        "# Routes\n\nGenerated from `api/routes.py`. Paths are below `/v2.1`, with or without a project "
        "after it. An action is the only key of the body of its `POST`. Bodies and replies are described "
        "field by field in the OpenAPI documents, `openapi/`. No permission: any user may, or the handler "
        "asks by what is in the request.\n"
    ]
    for name, routes in groupby(sorted(ROUTES, key=_resource), key=_resource):
        parts.append(f"\n## {name}\n\n" + table(heads, map(_route_row, routes)))
    return "".join(parts)


def _rule_row(rule: Rule) -> tuple[object, ...]:
    calls = "<br>".join(f"`{operation}`" for operation in rule.operations) or "–"
    return f"`{rule.name}`", f"`{rule.grant}`", rule.about, calls


def policies_page(table: Table) -> str:
    """Return every permission with its default."""
    base = ((f"`{name}`", f"`{check}`", about) for name, (check, about) in BASE.items())
    return (
        "# Policies\n\nGenerated from `api/policies/`. How to change them: "
        "[how-to/policies.md](../how-to/policies.md). `@` is anyone, `!` is nobody.\n\n## Rules\n\n"
        + table(("rule", "default", "lets", "asked by"), map(_rule_row, ALL))
        + "\n## What the defaults are made of\n\n"
        + table(("rule", "check", "who"), base)
    )


def filters_page(table: Table) -> str:
    """Return every filter and weigher of the scheduler."""
    filters = (
        (f"`{row.name}`", "yes" if row.default else "–", "yes" if row.on_rebuild else "–", row.about)
        for row in filter_rows()
    )
    weighers = ((f"`{row.name}`", f"`{row.option}`", row.multiplier, row.about) for row in weigher_rows())
    return (
        "# Filters and weighers\n\nGenerated from `scheduler/filters/` and `scheduler/weighers/`. Hosts are "
        "put to the filters that `[filter_scheduler] enabled_filters` names, in its order. A negative "
        "multiplier turns a weigher round, 0 switches it off.\n\n## Filters\n\n"
        + table(("filter", "on by default", "asked at a rebuild", "what it does"), filters)
        + "\n## Weighers\n\n"
        + table(("weigher", "`[filter_scheduler]` option", "default", "what it does"), weighers)
    )


_SHOWS = {
    "here": "yes",
    "control": "yes",
    "signal": "at every version",
    "gone": "what it was about is gone",
    "later": "not yet",
}
"""Where a microversion shows, in a reader's words."""


def microversions_page(table: Table) -> str:
    """Return what each microversion brought."""
    rows = ((text(row.minor), row.note, _SHOWS[row.kept]) for row in MICROVERSIONS)
    return (
        "# Microversions\n\nGenerated from `api/versions.py`. A request asks for one with "
        f"`OpenStack-API-Version: compute 2.9`; without it, it gets {text(LOWEST)}. `latest` is "
        f"{text(HIGHEST)}.\n\n" + table(("version", "what it brought", "served"), rows)
    )
