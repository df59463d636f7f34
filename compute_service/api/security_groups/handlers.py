"""Security groups and their rules, passed on to the network service as the user who asks."""

from __future__ import annotations

from collections.abc import Sequence

from compute_service.api.forms import read_uuid
from compute_service.api.paging import page_size
from compute_service.api.query import loosely_true
from compute_service.api.request import Request
from compute_service.api.security_groups import views
from compute_service.api.security_groups.bodies import (
    GroupName,
    GroupOrder,
    GroupsQuery,
    RuleOrder,
    rule_of,
)
from compute_service.api.shape import given
from compute_service.control import security_groups as control
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid


def _id(req: Request) -> str:
    try:
        return read_uuid(req.params["id"])
    except ValueError:
        raise Invalid("Security group id should be uuid") from None


def _shown(ctx: Context, svc: Services, groups: Sequence[control.Row]) -> list[views.GroupView]:
    rules = [rule for group in groups for rule in group["security_group_rules"]]
    sources = control.sources_of(ctx, svc, rules)
    return [views.whole(group, sources) for group in groups]


def _one(ctx: Context, svc: Services, group: control.Row) -> views.GroupShown:
    return views.GroupShown(security_group=_shown(ctx, svc, [group])[0])


def index(ctx: Context, svc: Services, req: Request) -> views.GroupList:
    """List the project's groups; to admins who ask, those of all projects."""
    asked = req.query(GroupsQuery)
    found = control.list_groups(ctx, svc, ctx.is_admin and loosely_true(asked.all_tenants))
    found.sort(key=lambda group: (group["project_id"], group["name"]))
    begin = given(asked.offset, 0)
    page = found[begin : begin + page_size(asked.limit, svc.settings.api.max_limit)]
    return views.GroupList(security_groups=_shown(ctx, svc, page))


def create(ctx: Context, svc: Services, req: Request) -> views.GroupShown:
    """Create a group."""
    new = req.body(GroupOrder).security_group
    made = control.create_group(ctx, svc, new.name, given(new.description, None) or "")
    return _one(ctx, svc, made)


def show(ctx: Context, svc: Services, req: Request) -> views.GroupShown:
    """Show a group."""
    return _one(ctx, svc, control.get_group(ctx, svc, _id(req)))


def update(ctx: Context, svc: Services, req: Request) -> views.GroupShown:
    """Change a group's name and description."""
    new = req.body(GroupOrder).security_group
    description = given(new.description, None) or ""
    return _one(ctx, svc, control.update_group(ctx, svc, _id(req), new.name, description))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a group."""
    control.delete_group(ctx, svc, _id(req))


def create_rule(ctx: Context, svc: Services, req: Request) -> views.RuleShown:
    """Add a rule to a group."""
    rule = rule_of(req.body(RuleOrder).security_group_rule)
    control.get_group(ctx, svc, rule["security_group_id"])
    made = control.create_rule(ctx, svc, rule)
    return views.RuleShown(security_group_rule=views.of_rule(made, control.sources_of(ctx, svc, [made])))


def delete_rule(ctx: Context, svc: Services, req: Request) -> None:
    """Remove a rule."""
    control.delete_rule(ctx, svc, _id(req))


def of_server(ctx: Context, svc: Services, req: Request) -> views.GroupList:
    """List the groups that a server's ports are in."""
    return views.GroupList(security_groups=_shown(ctx, svc, control.groups_of_server(ctx, svc, req.server)))


def add(ctx: Context, svc: Services, req: Request) -> None:
    """Put a server's ports into a group."""
    control.add_group(ctx, svc, req.server, req.body(GroupName).name)


def remove(ctx: Context, svc: Services, req: Request) -> None:
    """Take a server's ports out of a group."""
    control.remove_group(ctx, svc, req.server, req.body(GroupName).name)
