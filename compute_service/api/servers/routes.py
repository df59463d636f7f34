"""The rows of servers."""

from __future__ import annotations

from compute_service.api.policies import servers as policy
from compute_service.api.servers import handlers, views
from compute_service.api.servers.filters import ServerQuery
from compute_service.api.table import Get, Route

ROUTES: tuple[Route, ...] = (
    Get("/servers", handlers.index, policy.INDEX, query=ServerQuery, reply=views.ServerList),
    Get("/servers/detail", handlers.detail, policy.DETAIL, query=ServerQuery, reply=views.ServerDetails),
    Get("/servers/{server_id}", handlers.show, policy.SHOW, reply=views.ServerShown),
)
