"""Server groups of projects, as many as quota allows."""

from __future__ import annotations

from uuid import uuid4

from compute_service.control.notices import tell_group
from compute_service.control.quota import limits_in
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound, OverQuota
from compute_service.domain.group import GroupPolicy, ServerGroup
from compute_service.domain.quota import UNLIMITED
from compute_service.store.database import Tx
from compute_service.store.groups import group_count, group_delete, group_get, group_insert, group_page
from compute_service.store.quotas import quota_lock

MAX_PER_HOST = "max_server_per_host"


def find_group(ctx: Context, svc: Services, uuid: str) -> ServerGroup:
    """Return a server group. Raises NotFound, also for another project's non-admin."""
    with svc.store.api.read() as tx:
        found = group_get(tx, uuid)
    if found is None or not (ctx.is_admin or found.project_id == ctx.project_id):
        raise NotFound(f"Instance group {uuid} could not be found.")
    return found


def list_groups(
    ctx: Context, svc: Services, all_projects: bool = False, offset: int = 0, limit: int | None = None
) -> list[ServerGroup]:
    """Return groups of the requester's project, or of all; whether that is allowed the caller checks."""
    with svc.store.api.read() as tx:
        return group_page(tx, None if all_projects else ctx.project_id, offset, limit)


def create_group(
    ctx: Context, svc: Services, name: str, policy: GroupPolicy, max_per_host: int | None = None
) -> ServerGroup:
    """Add a server group. Raises OverQuota, or Invalid for a rule that its policy does not know."""
    if max_per_host is not None and policy != "anti-affinity":
        raise Invalid("Only anti-affinity policy supports rules.")
    if max_per_host is not None and max_per_host < 1:
        raise Invalid(f"{MAX_PER_HOST} must be 1 or more.")
    group = ServerGroup(
        uuid=str(uuid4()),
        project_id=ctx.project_id,
        user_id=ctx.user_id,
        name=name,
        policy=policy,
        rules={} if max_per_host is None else {MAX_PER_HOST: max_per_host},
        created_at=svc.clock.now(),
    )
    with svc.store.api.write() as tx:
        quota_lock(tx, ctx.project_id)
        _check_quota(tx, ctx, svc)
        made = group_insert(tx, group)
    tell_group(svc, "create", made)
    return made


def _check_quota(tx: Tx, ctx: Context, svc: Services) -> None:
    limit = limits_in(tx, svc.settings, ctx.project_id)["server_groups"]
    mine = limits_in(tx, svc.settings, ctx.project_id, ctx.user_id)["server_groups"]
    for allowed, user in ((limit, None), (mine, ctx.user_id)):
        if allowed != UNLIMITED and group_count(tx, ctx.project_id, user) >= allowed:
            raise OverQuota("Quota exceeded, too many server groups.")


def delete_group(ctx: Context, svc: Services, uuid: str) -> None:
    """Remove a server group; its servers stay. Raises NotFound."""
    found = find_group(ctx, svc, uuid)
    with svc.store.api.write() as tx:
        group_delete(tx, uuid)
    tell_group(svc, "delete", found)
