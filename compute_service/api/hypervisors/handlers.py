"""Listing and showing hypervisors."""

from __future__ import annotations

from msgspec import UnsetType

from compute_service.api.forms import read_uuid
from compute_service.api.hypervisors import views
from compute_service.api.hypervisors.bodies import HypervisorQuery, NumberedQuery, ShowQuery
from compute_service.api.links import Link
from compute_service.api.paging import next_page, page_size
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control import hypervisors as control
from compute_service.control.hypervisors import Hypervisor
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound

PAGED = change("2.33")


def _look(svc: Services, req: Request, with_servers: bool = False) -> views.Look:
    return views.Look(req.version, svc.settings.default.instance_name_template, with_servers)


def _page(
    ctx: Context, svc: Services, req: Request, path: str
) -> tuple[list[Hypervisor], list[Link] | None, views.Look]:
    """Return a page of hypervisors, the link to the next one, if there may be one, and how to show them."""
    if req.at_least(views.UUIDS):
        return _page_by_uuid(ctx, svc, req, path)
    asked = req.query(NumberedQuery)
    limit = page_size(asked.limit, svc.settings.api.max_limit) if req.at_least(PAGED) else None
    found = control.list_hypervisors(ctx, svc, marker=given(asked.marker, None), limit=limit)
    links = None
    if found and len(found) == limit:
        links = next_page(req.links, path, req.pairs, str(found[-1].node.id))
    return found, links, _look(svc, req)


def _page_by_uuid(
    ctx: Context, svc: Services, req: Request, path: str
) -> tuple[list[Hypervisor], list[Link] | None, views.Look]:
    asked = req.query(HypervisorQuery)
    look = _look(svc, req, given(asked.with_servers, False))
    if not isinstance(asked.pattern, UnsetType):
        if not (isinstance(asked.limit, UnsetType) and isinstance(asked.marker, UnsetType)):
            raise Invalid(
                "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is "
                "not supported."
            )
        return _matching(ctx, svc, asked.pattern, look.with_servers), None, look
    limit = page_size(asked.limit, svc.settings.api.max_limit)
    marker = None if isinstance(asked.marker, UnsetType) else _canonical(asked.marker, "marker")
    found = control.list_hypervisors(ctx, svc, marker=marker, limit=limit, with_servers=look.with_servers)
    links = None
    if found and len(found) == limit:
        links = next_page(req.links, path, req.pairs, found[-1].node.uuid)
    return found, links, look


def _matching(ctx: Context, svc: Services, pattern: str, with_servers: bool) -> list[Hypervisor]:
    found = control.list_hypervisors(ctx, svc, hostname_part=pattern, with_servers=with_servers)
    if not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return found


def _canonical(uuid: str, of: str) -> str:
    try:
        return read_uuid(uuid)
    except ValueError:
        raise Invalid(f"Invalid {of} {uuid}: it is not a UUID") from None


def index(ctx: Context, svc: Services, req: Request) -> views.HypervisorList:
    """List hypervisors."""
    found, links, look = _page(ctx, svc, req, "os-hypervisors")
    view = views.HypervisorList(hypervisors=[views.brief(one, look) for one in found])
    if links is not None:
        view.hypervisors_links = links
    return view


def detail(ctx: Context, svc: Services, req: Request) -> views.HypervisorDetails:
    """List hypervisors with their details."""
    found, links, look = _page(ctx, svc, req, "os-hypervisors/detail")
    view = views.HypervisorDetails(hypervisors=[views.whole(one, look) for one in found])
    if links is not None:
        view.hypervisors_links = links
    return view


def _one(ctx: Context, svc: Services, req: Request, with_servers: bool = False) -> Hypervisor:
    """Return the hypervisor that the path names: by UUID, until 2.52 by number."""
    name = req.params["hypervisor_id"]
    if req.at_least(views.UUIDS):
        name = _canonical(name, "uuid")
    elif not name.isdecimal():
        raise NotFound(f"Hypervisor with ID '{name}' could not be found.")
    return control.find_hypervisor(ctx, svc, name, with_servers)


def show(ctx: Context, svc: Services, req: Request) -> views.HypervisorShown:
    """Show a hypervisor."""
    with_servers = req.at_least(views.UUIDS) and given(req.query(ShowQuery).with_servers, False)
    found = _one(ctx, svc, req, with_servers)
    return views.HypervisorShown(hypervisor=views.whole(found, _look(svc, req, with_servers)))


def uptime(ctx: Context, svc: Services, req: Request) -> views.UptimeShown:
    """Show how long a hypervisor's host is up (until 2.87)."""
    found = _one(ctx, svc, req)
    return views.uptime(found, _look(svc, req), control.uptime(ctx, svc, found))


def search(ctx: Context, svc: Services, req: Request) -> views.HypervisorList:
    """List the hypervisors in whose name the last but one part of the path is found (until 2.52)."""
    found = _matching(ctx, svc, req.params["hypervisor_id"], with_servers=False)
    return views.HypervisorList(hypervisors=[views.brief(one, _look(svc, req)) for one in found])


def servers(ctx: Context, svc: Services, req: Request) -> views.HypervisorList:
    """As `search`, with the servers of each (until 2.52)."""
    found = _matching(ctx, svc, req.params["hypervisor_id"], with_servers=True)
    look = _look(svc, req, with_servers=True)
    return views.HypervisorList(hypervisors=[views.brief(one, look) for one in found])


def statistics(ctx: Context, svc: Services, req: Request) -> views.StatisticsShown:
    """Sum up what the enabled hypervisors have and use (until 2.87)."""
    every = control.list_hypervisors(ctx, svc)
    return views.statistics([found for found in every if not found.service.disabled])
