"""Bodies of the networking twin: rows to JSON and back, filters, sorting and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec

from compute_service.clients.neutron_api import matches
from compute_service.clients.neutron_rows import PortRow, Row
from compute_service.clients.twin.router import Request
from compute_service.domain.context import Context
from compute_service.domain.errors import Forbidden, Invalid

R = TypeVar("R", bound=Row)

ADMINS_FIELDS = frozenset(("host", "profile", "shared", "external", "is_default"))
"""Fields that only admins write."""
READ_ONLY = frozenset(
    ("id", "status", "created_at", "updated_at", "revision_number", "subnets", "vif_type", "vif_details")
)
"""Fields that nobody writes."""
_SHAPE = frozenset(("limit", "marker", "sort_key", "sort_dir", "page_reverse", "fields"))
_HIDDEN = frozenset(("binding:host_id", "binding:profile", "binding:vif_type", "binding:vif_details"))


def body_of(row: Row, ctx: Context) -> dict[str, Any]:
    """Return a row as a user sees it."""
    body: dict[str, Any] = msgspec.to_builtins(row)
    body["tenant_id"] = row.project_id
    if isinstance(row, PortRow) and not ctx.is_admin:
        return {name: value for name, value in body.items() if name not in _HIDDEN}
    return body


def changes_of(kind: type[Row], given: Mapping[str, Any], ctx: Context) -> dict[str, Any]:
    """Return what a body says, by the names of the row's fields. Raises Invalid, Forbidden."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    wanted = {("project_id" if name == "tenant_id" else name): value for name, value in given.items()}
    unknown = sorted(name for name in wanted if name not in fields or fields[name].name in READ_ONLY)
    if unknown:
        raise Invalid(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    changes: dict[str, Any] = {}
    for name, value in wanted.items():
        field = fields[name]
        if field.name in ADMINS_FIELDS and value not in (None, False, {}, "") and not ctx.is_admin:
            raise Forbidden(f"rule:set_{name} is disallowed by policy")
        if value is None and type(None) not in getattr(field.type, "__args__", ()):
            continue
        try:
            changes[field.name] = msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError as error:
            raise Invalid(f"Invalid input for {name}. Reason: {error}.") from error
    return changes


def new_row(kind: type[R], given: Mapping[str, Any], ctx: Context) -> R:
    """Return the row that a create asks for. Raises Invalid, Forbidden."""
    changes = changes_of(kind, given, ctx)
    changes["project_id"] = changes.get("project_id") or ctx.project_id
    if changes["project_id"] != ctx.project_id and not ctx.is_admin:
        raise Forbidden("Only admins make things for other projects.")
    missing = [f.name for f in msgspec.structs.fields(kind) if f.required and f.name not in changes]
    if missing:
        raise Invalid(f"Failed to parse request. Required attribute '{missing[0]}' not specified")
    return kind(**changes)


def selected(bodies: Iterable[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the bodies that match a query, sorted, in its page and with the fields it asks for."""
    rows = [body for body in bodies if matches(body, _filters(body, request))]
    keys = [value for name, value in request.query if name == "sort_key"]
    directions = [value for name, value in request.query if name == "sort_dir"]
    for at, key in reversed(list(enumerate(keys))):
        descending = at < len(directions) and directions[at] == "desc"
        rows = sorted(rows, key=partial(_text, key), reverse=descending)
    marker, limit = request.last("marker"), request.last("limit")
    if marker is not None:
        ids = [body["id"] for body in rows]
        if marker not in ids:
            raise Invalid(f"The marker {marker} is not in the list.")
        rows = rows[ids.index(marker) + 1 :]
    if limit is not None and limit.isdigit():
        rows = rows[: int(limit)]
    fields = {value for name, value in request.query if name == "fields"}
    return [{n: v for n, v in body.items() if n in fields} for body in rows] if fields else rows


def _text(key: str, body: Mapping[str, Any]) -> str:
    return str(body.get(key, ""))


def _filters(body: Mapping[str, Any], request: Request) -> dict[str, list[str]]:
    """Return the query's filters on fields that a body has; others are ignored, as the service does."""
    filters: dict[str, list[str]] = {}
    for name, value in request.query:
        if name in body and name not in _SHAPE:
            filters.setdefault(name, []).append(value)
    return filters
