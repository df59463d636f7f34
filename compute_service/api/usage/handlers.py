"""Showing what projects used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import UNSET, UnsetType

from compute_service.api.links import Link
from compute_service.api.paging import next_page, page_size
from compute_service.api.policies import quotas as policy
from compute_service.api.query import loosely_true
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.api.usage import views
from compute_service.api.usage.bodies import UsageQuery, UsagesQuery
from compute_service.control.services import Services
from compute_service.control.tenant_usage import ProjectUse, project_uses
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid

PERIOD = timedelta(weeks=4)
"""How long before its end a period begins when no start is given."""


def index(ctx: Context, svc: Services, req: Request) -> views.Usages:
    """List what every project used."""
    asked = req.query(UsagesQuery)
    found = _uses(ctx, svc, req, asked)
    detailed = loosely_true(asked.detailed)
    view = views.Usages(tenant_usages=[views.project_usage(use, detailed) for use in found])
    view.tenant_usages_links = _next(svc, req, asked, found, "os-simple-tenant-usage")
    return view


def show(ctx: Context, svc: Services, req: Request) -> views.Usage:
    """Show what one project used, server by server."""
    project_id = req.params["id"]
    req.enforce(policy.USAGE_SHOW, {"project_id": project_id})
    asked = req.query(UsageQuery)
    found = _uses(ctx, svc, req, asked, project_id)
    shown = views.project_usage(found[0], detailed=True) if found else views.EmptyUsage()
    view = views.Usage(tenant_usage=shown)
    view.tenant_usage_links = _next(svc, req, asked, found, f"os-simple-tenant-usage/{project_id}")
    return view


def _uses(
    ctx: Context, svc: Services, req: Request, asked: UsageQuery, project_id: str | None = None
) -> list[ProjectUse]:
    limit = page_size(asked.limit, svc.settings.api.max_limit)
    marker = given(asked.marker, "") or None
    return project_uses(ctx, svc, _period(svc, asked), project_id, marker, limit)


def _period(svc: Services, asked: UsageQuery) -> tuple[datetime, datetime]:
    stop = _time(given(asked.end, ""), svc.clock.now())
    return _time(given(asked.start, ""), max(stop, datetime.min + PERIOD) - PERIOD), stop


def _time(text: str, default: datetime) -> datetime:
    """Read a time as usage reports take it: with or without fraction, seconds, or a zone."""
    if not text:
        return default
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        raise Invalid(f"Datetime is in invalid format: {text!r} is not an ISO 8601 time.") from None


def _next(
    svc: Services, req: Request, asked: UsageQuery, found: Sequence[ProjectUse], path: str
) -> list[Link] | UnsetType:
    """Return the link to the next page when this one is full: the marker is the last server told of."""
    servers = [one for use in found for one in use.servers]
    if not servers or len(servers) < page_size(asked.limit, svc.settings.api.max_limit):
        return UNSET
    last = max(servers, key=lambda one: (one.started_at, one.server.uuid))
    return next_page(req.links, path, req.pairs, last.server.uuid)
