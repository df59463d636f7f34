"""Listing, showing, creating, changing and deleting flavors, and saying who may use them."""

from __future__ import annotations

from msgspec import UnsetType

from compute_service.api.fields import SPARE_INT
from compute_service.api.flavors import views
from compute_service.api.flavors.bodies import Access, FlavorCreate, FlavorQuery, FlavorUpdate
from compute_service.api.links import Link
from compute_service.api.paging import next_page, page_size
from compute_service.api.query import strictly_true
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control import flavors as control
from compute_service.control.flavors import find_flavor
from compute_service.control.quota import project_must_exist
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
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
        return max(0, min(int(text), SPARE_INT))
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


def show(ctx: Context, svc: Services, req: Request) -> views.FlavorShown:
    """Show a flavor."""
    return views.FlavorShown(flavor=views.whole(find_flavor(ctx, svc, req.params["flavor_id"]), req))


def create(ctx: Context, svc: Services, req: Request) -> views.FlavorShown:
    """Create a flavor."""
    new = req.body(FlavorCreate).flavor
    flavor = Flavor(
        flavorid=given(new.id, None) or "auto",
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
    return views.FlavorShown(flavor=views.whole(control.create_flavor(ctx, svc, flavor), req))


def update(ctx: Context, svc: Services, req: Request) -> views.FlavorShown:
    """Change a flavor's description."""
    description = req.body(FlavorUpdate).flavor.description
    changed = control.describe_flavor(ctx, svc, req.params["flavor_id"], description)
    return views.FlavorShown(flavor=views.whole(changed, req))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a flavor."""
    control.delete_flavor(ctx, svc, req.params["flavor_id"])


def access(ctx: Context, svc: Services, req: Request) -> views.AccessList:
    """List the projects that may use a private flavor."""
    flavorid = req.params["flavor_id"]
    return views.access(flavorid, control.flavor_access(ctx, svc, flavorid))


def add_access(ctx: Context, svc: Services, req: Request) -> views.AccessList:
    """Let a project use a private flavor."""
    flavorid, project = req.params["flavor_id"], req.body(Access).tenant
    refused = req.at_least(PUBLIC_FLAVORS_REFUSE_ACCESS)
    return views.access(flavorid, control.add_access(ctx, svc, flavorid, project, public_refused=refused))


def remove_access(ctx: Context, svc: Services, req: Request) -> views.AccessList:
    """Take a private flavor from a project."""
    flavorid, project = req.params["flavor_id"], req.body(Access).tenant
    project_must_exist(svc, project)
    return views.access(flavorid, control.remove_access(ctx, svc, flavorid, project))
