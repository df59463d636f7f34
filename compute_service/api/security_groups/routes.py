"""The rows of security groups."""

from __future__ import annotations

from compute_service.api.policies import security_groups as policy
from compute_service.api.security_groups import bodies, handlers, views
from compute_service.api.table import Act, Delete, Get, Post, Put, Route, actions

_ALL, _ONE = "/os-security-groups", "/os-security-groups/{id}"
_RULES = "/os-security-group-rules"
_LAST = "2.35"
_GROUP = {"body": bodies.GroupOrder, "reply": views.GroupShown, "until": _LAST}

ROUTES: tuple[Route, ...] = (
    Get(
        "/servers/{server_id}/os-security-groups", handlers.of_server, policy.OF_SERVER, reply=views.GroupList
    ),
    *actions(
        "/servers/{server_id}/action",
        Act("addSecurityGroup", handlers.add, policy.ADD, body=bodies.GroupName),
        Act("removeSecurityGroup", handlers.remove, policy.REMOVE, body=bodies.GroupName),
    ),
    Get(_ALL, handlers.index, policy.INDEX, query=bodies.GroupsQuery, reply=views.GroupList, until=_LAST),
    Post(_ALL, handlers.create, policy.CREATE, **_GROUP),
    Get(_ONE, handlers.show, policy.SHOW, reply=views.GroupShown, until=_LAST),
    Put(_ONE, handlers.update, policy.UPDATE, **_GROUP),
    Delete(_ONE, handlers.delete, policy.DELETE, status=202, until=_LAST),
    Post(
        _RULES,
        handlers.create_rule,
        policy.CREATE_RULE,
        body=bodies.RuleOrder,
        reply=views.RuleShown,
        until=_LAST,
    ),
    Delete(f"{_RULES}/{{id}}", handlers.delete_rule, policy.DELETE_RULE, status=202, until=_LAST),
)
