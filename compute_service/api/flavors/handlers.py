"""Listing, showing, creating, changing and deleting flavors, and saying who may use them."""

from __future__ import annotations

import uuid

from msgspec import UnsetType

from compute_service.api.flavors import views
from compute_service.api.flavors.bodies import Access, FlavorCreate, FlavorQuery, FlavorUpdate
from compute_service.api.links import Link
from compute_service.api.paging import next_page, page_size
from compute_service.api.query import strictly_true
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.flavor import Flavor
from compute_service.store import flavors as store

PUBLIC_FLAVORS_REFUSE_ACCESS = change("2.7")


def _is_public(text: str | UnsetType) -> bool | None:
    """Read the parameter is_public: "none" means both. Raises Invalid."""
    if isinstance(text, UnsetType):
        return True
    return None if text.strip().lower() == "none" else strictly_true("is_public", text)


def _least(name: str, text: str | UnsetType) -> int | None:
    if isinstance(text, UnsetType):
        return None
    try:
        return int(text)
    except ValueError:
        raise Invalid(f"Invalid {name} filter [{text}]") from None


def _page(
    ctx: Context, svc: Services, req: Request, path: str, specs: bool
) -> tuple[list[Flavor], list[Link] | None]:
    """Return a page of flavors and the link to the next one, if there may be one."""
    asked = req.query(FlavorQuery)
    limit = page_size(asked.limit, svc.settings.api.max_limit)
    public = _is_public(asked.is_public) if ctx.is_admin else True
    query = store.FlavorQuery(
        project_id=ctx.project_id if public else None,
        is_public=False if public is False else None,
        disabled=None if ctx.is_admin else False,
        min_ram=_least("minRam", asked.min_ram),
        min_disk=_least("minDisk", asked.min_disk),
        names=tuple(given(asked.names, [])),
        sort_key=given(asked.sort_key, "flavorid"),
        sort_dir=given(asked.sort_dir, "asc"),
        marker=given(asked.marker, None),
        limit=limit,
    )
    with svc.store.api.read() as tx:
        found = store.flavor_page(tx, query, extra_specs=specs)
    if len(found) < limit:
        return found, None
    return found, next_page(req.links, path, req.pairs, found[-1].flavorid)


def index(ctx: Context, svc: Services, req: Request) -> views.FlavorList:
    """List flavors."""
    found, links = _page(ctx, svc, req, "flavors", specs=False)
    view = views.FlavorList(flavors=[views.brief(flavor, req) for flavor in found])
    if links is not None:
        view.flavors_links = links
    return view


def detail(ctx: Context, svc: Services, req: Request) -> views.FlavorDetails:
    """List flavors with their details."""
    specs = req.shows(views.FlavorView, "extra_specs")
    found, links = _page(ctx, svc, req, "flavors/detail", specs)
    view = views.FlavorDetails(flavors=[views.whole(flavor, req) for flavor in found])
    if links is not None:
        view.flavors_links = links
    return view


def find_flavor(ctx: Context, svc: Services, flavorid: str) -> Flavor:
    """Return a flavor that the requester may use. Raises NotFound."""
    with svc.store.api.read() as tx:
        flavor = store.flavor_get(tx, flavorid, projects=True)
    if flavor is None or not (flavor.is_public or ctx.is_admin or ctx.project_id in flavor.projects):
        raise NotFound(f"Flavor {flavorid} could not be found.")
    return flavor


def show(ctx: Context, svc: Services, req: Request) -> views.FlavorShown:
    """Show a flavor."""
    return views.FlavorShown(flavor=views.whole(find_flavor(ctx, svc, req.params["flavor_id"]), req))


def create(ctx: Context, svc: Services, req: Request) -> views.FlavorShown:
    """Create a flavor."""
    new = req.body(FlavorCreate).flavor
    flavorid = given(new.id, None)
    flavor = Flavor(
        flavorid=str(uuid.uuid4()) if flavorid in (None, "auto") else str(flavorid),
        name=new.name,
        memory_mb=new.ram,
        vcpus=new.vcpus,
        root_gb=new.disk,
        ephemeral_gb=given(new.ephemeral, 0),
        swap_mb=given(new.swap, 0),
        rxtx_factor=given(new.rxtx_factor, 1.0),
        is_public=given(new.is_public, True),
        description=given(new.description, None),
    )
    with svc.store.api.write() as tx:
        made = store.flavor_insert(tx, flavor)
    return views.FlavorShown(flavor=views.whole(made, req))


def update(ctx: Context, svc: Services, req: Request) -> views.FlavorShown:
    """Change a flavor's description."""
    with svc.store.api.write() as tx:
        changed = store.flavor_set_description(
            tx, req.params["flavor_id"], req.body(FlavorUpdate).flavor.description
        )
    return views.FlavorShown(flavor=views.whole(changed, req))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a flavor."""
    flavorid = req.params["flavor_id"]
    with svc.store.api.write() as tx:
        if not store.flavor_delete(tx, flavorid):
            raise NotFound(f"Flavor {flavorid} could not be found.")


def access(ctx: Context, svc: Services, req: Request) -> views.AccessList:
    """List the projects that may use a private flavor."""
    flavor = find_flavor(ctx, svc, req.params["flavor_id"])
    if flavor.is_public:
        raise NotFound("Access list not available for public flavors.")
    return views.access(flavor.flavorid, flavor.projects)


def _known_project(svc: Services, project_id: str) -> None:
    if svc.identity.project_exists(project_id) is False:
        raise Invalid(f"Project ID {project_id} is not a valid project.")


def add_access(ctx: Context, svc: Services, req: Request) -> views.AccessList:
    """Let a project use a private flavor."""
    project = req.body(Access).tenant
    _known_project(svc, project)
    flavor = find_flavor(ctx, svc, req.params["flavor_id"])
    if flavor.is_public and req.at_least(PUBLIC_FLAVORS_REFUSE_ACCESS):
        raise Conflict("Can not add access to a public flavor.")
    with svc.store.api.write() as tx:
        store.flavor_add_project(tx, flavor.flavorid, project)
        projects = store.flavor_projects_of(tx, flavor.flavorid)
    return views.access(flavor.flavorid, projects)


def remove_access(ctx: Context, svc: Services, req: Request) -> views.AccessList:
    """Take a private flavor from a project."""
    project = req.body(Access).tenant
    _known_project(svc, project)
    flavorid = req.params["flavor_id"]
    with svc.store.api.write() as tx:
        if not store.flavor_remove_project(tx, flavorid, project):
            raise NotFound(f"Flavor access not found for {flavorid} / {project} combination.")
        projects = store.flavor_projects_of(tx, flavorid)
    return views.access(flavorid, projects)
