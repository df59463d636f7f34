"""Listing, showing, creating and deleting server groups."""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from compute_service.api.fields import SPARE_INT
from compute_service.api.paging import page_size
from compute_service.api.policies import server_groups as policy
from compute_service.api.request import Request
from compute_service.api.server_groups import views
from compute_service.api.server_groups.bodies import GroupCreate, GroupQuery
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control import groups as control
from compute_service.control.services import Services
from compute_service.domain.context import Context

ONE_POLICY = change("2.64")


def load(ctx: Context, svc: Services, req: Request) -> None:
    """Find whose group the path names."""
    group = control.find_group(ctx, svc, req.params["group_id"])
    req.target = {"project_id": group.project_id, "user_id": group.user_id}


def index(ctx: Context, svc: Services, req: Request) -> views.GroupList:
    """List the project's groups; to admins who ask, those of all projects."""
    asked = req.query(GroupQuery)
    every = not isinstance(asked.all_projects, UnsetType) and ctx.is_admin
    if every:
        req.enforce(policy.INDEX_ALL_PROJECTS)
    limit = page_size(asked.limit, svc.settings.api.max_limit)
    offset = min(given(asked.offset, 0), SPARE_INT)
    found = control.list_groups(ctx, svc, every, offset, limit)
    return views.GroupList(server_groups=[views.whole(group) for group in found])


def create(ctx: Context, svc: Services, req: Request) -> views.GroupShown:
    """Create a group."""
    new = req.body(GroupCreate).server_group
    wanted: Any = new.policy if req.at_least(ONE_POLICY) else given(new.policies, [])[0]
    most = None if isinstance(new.rules, UnsetType) else given(new.rules.max_server_per_host, None)
    return views.GroupShown(server_group=views.whole(control.create_group(ctx, svc, new.name, wanted, most)))


def show(ctx: Context, svc: Services, req: Request) -> views.GroupShown:
    """Show a group."""
    return views.GroupShown(server_group=views.whole(control.find_group(ctx, svc, req.params["group_id"])))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a group; its servers stay."""
    control.delete_group(ctx, svc, req.params["group_id"])
