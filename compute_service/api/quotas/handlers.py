"""Showing and setting quotas; showing limits."""

from __future__ import annotations

from compute_service.api.policies import quotas as policy
from compute_service.api.policies.rule import Rule
from compute_service.api.quotas import views
from compute_service.api.quotas.bodies import (
    ClassUpdate,
    LimitsQuery,
    QuotaUpdate,
    UserQuery,
    changes_of,
)
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.control import quota
from compute_service.control.services import Services
from compute_service.domain.context import Context


def _project(req: Request, rule: Rule) -> str:
    """Return the project that the path names, if the requester may."""
    project_id = req.params["id"]
    req.enforce(rule, {"project_id": project_id})
    return project_id


def _user(req: Request) -> str | None:
    return given(req.query(UserQuery).user_id, "") or None


def show(ctx: Context, svc: Services, req: Request) -> views.QuotaShown:
    """Show the limits of a project, or of one user in it."""
    project_id = _project(req, policy.SHOW)
    quota.project_must_exist(svc, project_id)
    return views.quota_set(quota.limits(ctx, svc, project_id, _user(req)), project_id)


def detail(ctx: Context, svc: Services, req: Request) -> views.QuotaDetailed:
    """Show limits with what is in use."""
    project_id = _project(req, policy.DETAIL)
    quota.project_must_exist(svc, project_id)
    return views.detailed(quota.usage(ctx, svc, project_id, _user(req)), project_id)


def defaults(ctx: Context, svc: Services, req: Request) -> views.QuotaShown:
    """Show the limits of projects for which nothing is set."""
    project_id = _project(req, policy.DEFAULTS)
    quota.project_must_exist(svc, project_id)
    return views.quota_set(quota.default_limits(ctx, svc), project_id)


def update(ctx: Context, svc: Services, req: Request) -> views.QuotaShown:
    """Set limits."""
    project_id = _project(req, policy.UPDATE)
    wanted = req.body(QuotaUpdate).quota_set
    found = quota.update_quotas(
        ctx, svc, project_id, changes_of(wanted), user_id=_user(req), force=given(wanted.force, False)
    )
    return views.quota_set(found)


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Take set limits back."""
    project_id = _project(req, policy.DELETE)
    quota.delete_quotas(ctx, svc, project_id, _user(req))


def class_show(ctx: Context, svc: Services, req: Request) -> views.ClassShown:
    """Show the limits of a class."""
    name = req.params["id"]
    return views.class_set(quota.class_limits(ctx, svc, name), name)


def class_update(ctx: Context, svc: Services, req: Request) -> views.ClassShown:
    """Set limits of a class."""
    changes = changes_of(req.body(ClassUpdate).quota_class_set, quota.CLASS_RESOURCES)
    return views.class_set(quota.update_class(ctx, svc, req.params["id"], changes))


def limits(ctx: Context, svc: Services, req: Request) -> views.LimitsShown:
    """Show the limits and the use of the requester's project, or of another one."""
    project_id = given(req.query(LimitsQuery).tenant_id, "") or ctx.project_id
    if project_id != ctx.project_id:
        req.enforce(policy.LIMITS_OTHER, {"project_id": project_id})
    return views.limits_of(quota.usage(ctx, svc, project_id))
