"""The rows of server groups."""

from __future__ import annotations

from compute_service.api.policies import server_groups as policy
from compute_service.api.server_groups import bodies, handlers, views
from compute_service.api.table import Delete, Get, Post, Route

_ALL = "/os-server-groups"
_ONE = "/os-server-groups/{group_id}"

ROUTES: tuple[Route, ...] = (
    Get(_ALL, handlers.index, policy.INDEX, query=bodies.GroupQuery, reply=views.GroupList),
    Post(_ALL, handlers.create, policy.CREATE, body=bodies.GroupCreate, reply=views.GroupShown),
    Get(_ONE, handlers.show, policy.SHOW, reply=views.GroupShown, load=handlers.load),
    Delete(_ONE, handlers.delete, policy.DELETE, load=handlers.load),
)
