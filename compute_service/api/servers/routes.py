"""The rows of servers."""

from __future__ import annotations

from compute_service.api.policies import consoles as console_policy
from compute_service.api.policies import server_parts as parts
from compute_service.api.policies import servers as policy
from compute_service.api.servers import (
    bodies,
    change,
    consoles,
    diagnostics,
    handlers,
    interfaces,
    ips,
    log,
    metadata,
    migrations,
    password,
    tags,
    topology,
    views,
)
from compute_service.api.servers.action_routes import ROUTES as ACTIONS
from compute_service.api.servers.filters import ServerQuery
from compute_service.api.servers.handlers import load_any_server
from compute_service.api.table import Act, Delete, Get, Post, Put, Route, actions

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
    Put(_S, change.update, policy.UPDATE, body=bodies.ServerUpdate, reply=views.ServerShown),
    Delete(_S, change.delete, policy.DELETE),
)

PARTS: tuple[Route, ...] = (
    Get(f"{_S}/metadata", metadata.index, parts.METADATA_INDEX, reply=metadata.MetadataView),
    Post(
        f"{_S}/metadata",
        metadata.create,
        parts.METADATA_CREATE,
        body=metadata.Metadata,
        reply=metadata.MetadataView,
    ),
    Put(
        f"{_S}/metadata",
        metadata.update_all,
        parts.METADATA_UPDATE_ALL,
        body=metadata.Metadata,
        reply=metadata.MetadataView,
    ),
    Get(f"{_S}/metadata/{{key}}", metadata.show, parts.METADATA_SHOW, reply=metadata.ItemView),
    Put(
        f"{_S}/metadata/{{key}}",
        metadata.set_item,
        parts.METADATA_UPDATE,
        body=metadata.Item,
        reply=metadata.ItemView,
    ),
    Delete(f"{_S}/metadata/{{key}}", metadata.delete, parts.METADATA_DELETE),
    Get(f"{_S}/tags", tags.index, parts.TAGS_INDEX, query=None, reply=tags.TagsView, since="2.26"),
    Put(
        f"{_S}/tags",
        tags.update_all,
        parts.TAGS_UPDATE_ALL,
        body=tags.Tags,
        reply=tags.TagsView,
        since="2.26",
    ),
    Delete(f"{_S}/tags", tags.delete_all, parts.TAGS_DELETE_ALL, since="2.26"),
    Get(f"{_S}/tags/{{tag}}", tags.show, parts.TAGS_SHOW, query=None, status=204, since="2.26"),
    Put(f"{_S}/tags/{{tag}}", tags.add, parts.TAGS_UPDATE, status=201, also=(204,), since="2.26"),
    Delete(f"{_S}/tags/{{tag}}", tags.delete, parts.TAGS_DELETE, since="2.26"),
    Get(
        f"{_S}/diagnostics",
        diagnostics.show_old,
        parts.DIAGNOSTICS,
        reply=diagnostics.OldDiagnostics,
        until="2.47",
    ),
    Get(
        f"{_S}/diagnostics",
        diagnostics.show,
        parts.DIAGNOSTICS,
        reply=diagnostics.DiagnosticsView,
        since="2.48",
    ),
    Get(f"{_S}/topology", topology.show, parts.TOPOLOGY, reply=topology.Topology, since="2.78"),
    Get(
        f"{_S}/os-interface",
        interfaces.index,
        parts.INTERFACES_LIST,
        reply=interfaces.InterfaceList,
    ),
    Get(
        f"{_S}/os-interface/{{port_id}}",
        interfaces.show,
        parts.INTERFACES_SHOW,
        reply=interfaces.InterfaceShown,
    ),
    Post(
        f"{_S}/os-interface",
        interfaces.create,
        parts.INTERFACES_CREATE,
        body=interfaces.InterfaceCreate,
        reply=interfaces.InterfaceShown,
        status=200,
    ),
    Delete(f"{_S}/os-interface/{{port_id}}", interfaces.delete, parts.INTERFACES_DELETE, status=202),
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
    Get(f"{_S}/os-server-password", password.show, parts.PASSWORD_SHOW, reply=password.PasswordView),
    Delete(f"{_S}/os-server-password", password.clear, parts.PASSWORD_CLEAR),
    Post(
        f"{_S}/remote-consoles",
        consoles.create,
        console_policy.REMOTE,
        body=consoles.RemoteConsoleCreate,
        reply=consoles.RemoteConsoleShown,
        since="2.6",
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
    Delete(
        f"{_S}/migrations/{{migration_id}}",
        migrations.abort,
        parts.MIGRATIONS_DELETE,
        status=202,
        since="2.24",
    ),
    *actions(
        f"{_S}/migrations/{{migration_id}}/action",
        Act("force_complete", migrations.force_complete, parts.MIGRATIONS_FORCE_COMPLETE, since="2.22"),
    ),
)

ROUTES: tuple[Route, ...] = (*COLLECTION, *ACTIONS, *PARTS)
"""Every row of servers."""

CORE_ACTIONS = (
    "confirmResize",
    "revertResize",
    "reboot",
    "resize",
    "rebuild",
    "createImage",
    "os-start",
    "os-stop",
    "trigger_crash_dump",
)
"""The actions that the alias /os-volumes_boot knows."""
