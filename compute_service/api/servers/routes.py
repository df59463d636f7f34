"""The rows of servers."""

from __future__ import annotations

from compute_service.api.policies import server_parts as parts
from compute_service.api.policies import servers as policy
from compute_service.api.servers import bodies, handlers, ips, log, migrations, views
from compute_service.api.servers.action_routes import ROUTES as ACTIONS
from compute_service.api.servers.filters import ServerQuery
from compute_service.api.servers.handlers import load_any_server
from compute_service.api.table import Get, Post, Route

_S = "/servers/{server_id}"
_LOG = f"{_S}/os-instance-actions"

COLLECTION: tuple[Route, ...] = (
    Get("/servers", handlers.index, policy.INDEX, query=ServerQuery, reply=views.ServerList),
    Post(
        "/servers",
        handlers.create,
        policy.CREATE,
        body=bodies.ServerCreate,
        reply=views.ServerCreated,
        status=202,
    ),
    Get("/servers/detail", handlers.detail, policy.DETAIL, query=ServerQuery, reply=views.ServerDetails),
    Get(_S, handlers.show, reply=views.ServerShown, load=handlers.load_nothing),
)

PARTS: tuple[Route, ...] = (
    Get(f"{_S}/ips", ips.index, parts.IPS_INDEX, reply=ips.Addresses),
    Get(f"{_S}/ips/{{network}}", ips.show, parts.IPS_SHOW, reply=ips.NetworkAddresses),
    Get(_LOG, log.index, parts.ACTIONS_LIST, query=log.LogQuery, reply=log.ActionList, until="2.20"),
    Get(
        _LOG,
        log.index,
        parts.ACTIONS_LIST,
        query=log.LogQuery,
        reply=log.ActionList,
        since="2.21",
        load=load_any_server,
    ),
    Get(f"{_LOG}/{{request_id}}", log.show, parts.ACTIONS_SHOW, reply=log.ActionShown, until="2.20"),
    Get(
        f"{_LOG}/{{request_id}}",
        log.show,
        parts.ACTIONS_SHOW,
        reply=log.ActionShown,
        since="2.21",
        load=load_any_server,
    ),
    Get(
        f"{_S}/migrations",
        migrations.index,
        parts.MIGRATIONS_INDEX,
        reply=migrations.MigrationList,
        since="2.23",
    ),
    Get(
        f"{_S}/migrations/{{migration_id}}",
        migrations.show,
        parts.MIGRATIONS_SHOW,
        reply=migrations.MigrationShown,
        since="2.23",
    ),
)

ROUTES: tuple[Route, ...] = (*COLLECTION, *ACTIONS, *PARTS)
