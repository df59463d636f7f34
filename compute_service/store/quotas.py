"""Quotas (API database): limits as set, and the servers that count against them.

A limit is looked for at the user in the project, then at the project, then in the class `default`, and is the
configured one otherwise. What is in use is counted from `instance_mappings`, never kept in a counter: a
create takes the project's lock, counts, and inserts, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    union_all,
)

from compute_service.domain.quota import ServerUsage
from compute_service.store.database import Tx
from compute_service.store.sql import upsert
from compute_service.store.tables.catalog import project_user_quotas, quota_classes, quota_locks, quotas
from compute_service.store.tables.mappings import instance_mappings

DEFAULT_CLASS = "default"
"""The class whose limits hold for every project without its own."""

_OF_A_USER = 2
_i = instance_mappings.c


def quota_lock(tx: Tx, project_id: str) -> None:
    """Let one transaction at a time count and add to a project; held until its end.

    One statement, which also makes the row that is locked. SQLite's write transactions exclude each other as
    they are, so there it is none.
    """
    if tx.dialect != "sqlite":
        upsert(tx, quota_locks, [{"project_id": project_id}], ("project_id",))


def _own(column: Any) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((_i.user_id == bindparam("user"), column), else_=0)), 0)


_COUNTED = (func.count(), func.coalesce(func.sum(_i.vcpus), 0), func.coalesce(func.sum(_i.memory_mb), 0))
_LIVING = and_(_i.project_id == bindparam("project"), _i.deleted.is_(False))
_USAGE = select(*_COUNTED).where(_LIVING)
_USAGE_OF_USER = _USAGE.where(_i.user_id == bindparam("user"))
_USAGES = select(*_COUNTED, _own(1), _own(_i.vcpus), _own(_i.memory_mb)).where(_LIVING)


def quota_usage(tx: Tx, project_id: str, user_id: str | None = None) -> ServerUsage:
    """Return what the living servers of a project (or of one user in it) take."""
    if user_id is None:
        row = tx.one(_USAGE, {"project": project_id})
    else:
        row = tx.one(_USAGE_OF_USER, {"project": project_id, "user": user_id})
    return ServerUsage() if row is None else _usage(row[0], row[1], row[2])


def quota_usages(tx: Tx, project_id: str, user_id: str) -> tuple[ServerUsage, ServerUsage]:
    """Return what a project's servers take, and of that what one user's take, in one statement."""
    row = tx.one(_USAGES, {"project": project_id, "user": user_id})
    if row is None:
        return ServerUsage(), ServerUsage()
    return _usage(row[0], row[1], row[2]), _usage(row[3], row[4], row[5])


def _usage(instances: int, cores: int, ram: int) -> ServerUsage:
    return ServerUsage(instances=int(instances), cores=int(cores), ram=int(ram))


def _limits() -> CompoundSelect[Any]:
    p, u, c = quotas.c, project_user_quotas.c, quota_classes.c
    project: ColumnElement[str] = bindparam("project")
    user: ColumnElement[str] = bindparam("user")
    return union_all(
        select(literal(0), c.resource, c.hard_limit).where(c.class_name == DEFAULT_CLASS),
        select(literal(1), p.resource, p.hard_limit).where(p.project_id == project),
        select(literal(_OF_A_USER), u.resource, u.hard_limit).where(
            u.project_id == project, u.user_id == user
        ),
    )


_LIMITS = _limits()


def quota_limits(
    tx: Tx, project_id: str, user_id: str | None = None, *, defaults: Mapping[str, int]
) -> dict[str, int]:
    """Return the limit of every resource in `defaults` (the configured ones), in one statement."""
    found = tx.all(_LIMITS, {"project": project_id, "user": user_id})
    limits = dict(defaults)
    for _, resource, limit in sorted(tuple(row) for row in found):
        if resource in limits:
            limits[resource] = limit
    return limits


def quota_limits_of_both(
    tx: Tx, project_id: str, user_id: str, *, defaults: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the limits of a project, and those of one user in it, in one statement."""
    found = sorted(tuple(row) for row in tx.all(_LIMITS, {"project": project_id, "user": user_id}))
    project, user = dict(defaults), dict(defaults)
    for nearness, resource, limit in found:
        if resource not in defaults:
            continue
        user[resource] = limit
        if nearness < _OF_A_USER:
            project[resource] = limit
    return project, user


def quota_set(tx: Tx, project_id: str, limits: Mapping[str, int], user_id: str | None = None) -> None:
    """Set limits of a project, or of one user in it; others stay."""
    table: Table = quotas
    key = {"project_id": project_id}
    if user_id is not None:
        table, key = project_user_quotas, {"project_id": project_id, "user_id": user_id}
    rows = [{**key, "resource": resource, "hard_limit": limit} for resource, limit in limits.items()]
    upsert(tx, table, rows, (*key, "resource"))


def quota_get_set(tx: Tx, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Return only the limits that were set for a project, or for one user in it."""
    if user_id is None:
        statement = select(quotas.c.resource, quotas.c.hard_limit).where(quotas.c.project_id == project_id)
    else:
        u = project_user_quotas.c
        statement = select(u.resource, u.hard_limit).where(u.project_id == project_id, u.user_id == user_id)
    return {resource: limit for resource, limit in tx.all(statement)}


def quota_users_set(tx: Tx, project_id: str) -> dict[str, int]:
    """Return, by resource, the highest limit set for any single user of a project."""
    u = project_user_quotas.c
    statement = (
        select(u.resource, func.max(u.hard_limit)).where(u.project_id == project_id).group_by(u.resource)
    )
    return {resource: limit for resource, limit in tx.all(statement)}


def quota_delete(tx: Tx, project_id: str, user_id: str | None = None) -> None:
    """Take back the limits of one user, or of a project and all its users."""
    u = project_user_quotas.c
    if user_id is not None:
        tx.execute(delete(project_user_quotas).where(u.project_id == project_id, u.user_id == user_id))
        return
    tx.execute(delete(project_user_quotas).where(u.project_id == project_id))
    tx.execute(delete(quotas).where(quotas.c.project_id == project_id))


def quota_class_get(tx: Tx, class_name: str) -> dict[str, int]:
    """Return the limits set for a class."""
    c = quota_classes.c
    statement = select(c.resource, c.hard_limit).where(c.class_name == class_name)
    return {resource: limit for resource, limit in tx.all(statement)}


def quota_class_set(tx: Tx, class_name: str, limits: Mapping[str, int]) -> None:
    """Set limits of a class; others stay."""
    rows = [{"class_name": class_name, "resource": r, "hard_limit": limit} for r, limit in limits.items()]
    upsert(tx, quota_classes, rows, ("class_name", "resource"))
