"""Listing, showing, creating, changing and deleting servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import UNSET

from compute_service.api.links import Link
from compute_service.api.paging import next_page
from compute_service.api.policies import servers as policy
from compute_service.api.policies.rule import Rule
from compute_service.api.request import Reply, Request
from compute_service.api.servers.bodies import ServerCreate
from compute_service.api.servers.filters import DOWN_CELLS_NAMED, search_of
from compute_service.api.servers.look import Look
from compute_service.api.servers.orders import server_order
from compute_service.api.servers.views import (
    Named,
    NewServer,
    ServerCreated,
    ServerDetails,
    ServerList,
    ServerShown,
    ServerView,
)
from compute_service.api.shape import given
from compute_service.control.create import create_servers
from compute_service.control.find import find_server
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound, Unavailable
from compute_service.domain.order import ServerOrder
from compute_service.store.groups import groups_of_instances
from compute_service.store.instance_query import InstanceQuery
from compute_service.store.mappings import instance_ordered_get
from compute_service.store.servers import (
    DownServer,
    NamePage,
    ServerPage,
    server_mapping,
    server_names,
    server_page,
)

Page = TypeVar("Page", ServerPage, NamePage)


def load_server(ctx: Context, svc: Services, req: Request) -> None:
    """Fetch the server that the path names. Raises NotFound."""
    req.take_server(find_server(ctx, svc, req.params["server_id"]))


def load_nothing(ctx: Context, svc: Services, req: Request) -> None:
    """Leave it to the handler to fetch the server and to ask the policy."""


def load_any_server(ctx: Context, svc: Services, req: Request) -> None:
    """Fetch the server that the path names, a deleted one too. Raises NotFound."""
    req.take_server(find_server(ctx, svc, req.params["server_id"], deleted=True))


def _page(
    svc: Services, req: Request, path: str, all_tenants: Rule, find: Callable[[InstanceQuery], Page]
) -> tuple[Page, list[Link] | None]:
    """Return a page of what `find` finds and the link to the next one, if there may be one."""
    search = search_of(svc, req, all_tenants)
    query = search.query
    if query is None or query.limit == 0:
        query = InstanceQuery(uuids=())
    page = find(query)
    if page.down_cells and not (search.plain and req.at_least(DOWN_CELLS_NAMED)):
        if not svc.settings.api.list_records_by_skipping_down_cells:
            raise Unavailable("Servers cannot be listed: a cell does not answer.")
        page = page.replace(down=())
    if len(page.servers) + len(page.down) != query.limit:
        return page, None
    last = page.down[-1].uuid if page.down else page.servers[-1].uuid
    return page, next_page(req.links, path, req.pairs, last)


def index(ctx: Context, svc: Services, req: Request) -> ServerList:
    """List servers."""
    page, links = _page(
        svc, req, "servers", policy.INDEX_ALL_TENANTS, lambda query: server_names(svc.store, query)
    )
    look = Look(svc, req)
    view = ServerList(
        servers=[
            *(look.brief(found) for found in page.servers),
            *(look.down_brief(down) for down in page.down),
        ]
    )
    if links is not None:
        view.servers_links = links
    return view


def detail(ctx: Context, svc: Services, req: Request) -> ServerDetails:
    """List servers with their details."""
    tags = req.shows(ServerView, "tags")
    page, links = _page(
        svc,
        req,
        "servers/detail",
        policy.DETAIL_ALL_TENANTS,
        lambda query: server_page(svc.store, query.replace(with_tags=tags)),
    )
    look = Look(svc, req)
    view = ServerDetails(
        servers=[
            *(look.whole(found.instance) for found in page.servers),
            *(look.down(down) for down in page.down),
        ]
    )
    if links is not None:
        view.servers_links = links
    return view


def show(ctx: Context, svc: Services, req: Request) -> ServerShown:
    """Show a server; of one whose cell does not answer, what is known elsewhere (2.69)."""
    try:
        load_server(ctx, svc, req)
    except Unavailable:
        if not req.at_least(DOWN_CELLS_NAMED):
            raise
        return _show_down(ctx, svc, req)
    req.enforce(policy.SHOW)
    return ServerShown(server=Look(svc, req).whole(req.server.instance, shown=True))


def _show_down(ctx: Context, svc: Services, req: Request) -> ServerShown:
    uuid = req.params["server_id"]
    mapping = server_mapping(svc.store, uuid)
    if mapping is None or not (ctx.is_admin or mapping.project_id == ctx.project_id):
        raise NotFound(f"Instance {uuid} could not be found.")
    req.enforce(policy.SHOW, {"project_id": mapping.project_id, "user_id": mapping.user_id})
    with svc.store.api.read() as tx:
        groups = groups_of_instances(tx, [uuid])
        ordered = instance_ordered_get(tx, uuid)
    known = DownServer(
        uuid=uuid,
        project_id=mapping.project_id,
        user_id=mapping.user_id,
        cell=mapping.cell or "",
        created_at=mapping.created_at,
    )
    return ServerShown(server=Look(svc, req).down_whole(known, ordered, list(groups.values())))


def create(ctx: Context, svc: Services, req: Request) -> Reply:
    """Create servers."""
    body = req.body(ServerCreate)
    order = server_order(body, req.version)
    _ask_policy(req, order)
    made = create_servers(ctx, svc, order, zero_disk_allowed=req.allows(policy.CREATE_ZERO_DISK_FLAVOR))
    if given(body.server.return_reservation_id, False):
        return Reply(view=ServerCreated(reservation_id=made.reservation_id))
    first = made.servers[0]
    shows_password = svc.settings.api.enable_instance_password
    links = req.links.of(f"servers/{first.uuid}")
    view = NewServer(
        id=first.uuid,
        links=links,
        disk_config="AUTO" if first.auto_disk_config else "MANUAL",
        security_groups=[Named(name=name) for name in first.security_groups],
        admin_password=made.admin_password if shows_password else UNSET,
    )
    return Reply(view=ServerCreated(server=view), headers=(("Location", links[0].href),))


def _ask_policy(req: Request, order: ServerOrder) -> None:
    """Ask about what a create wants beyond a server. Raises PolicyDenied."""
    wanted = (
        (":" in (order.availability_zone or ""), policy.CREATE_FORCED_HOST),
        (order.host or order.hypervisor_hostname, policy.CREATE_REQUESTED_DESTINATION),
        (order.networks.mode != "default", policy.CREATE_ATTACH_NETWORK),
        (order.block_devices, policy.CREATE_ATTACH_VOLUME),
        (order.trusted_certs, policy.CREATE_TRUSTED_CERTS),
    )
    for is_wanted, rule in wanted:
        if is_wanted:
            req.enforce(rule)
