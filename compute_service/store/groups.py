"""Server groups (API database). A member that was deleted is not shown and does not count."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, select, update

from compute_service.domain.errors import NotFound, OverQuota
from compute_service.domain.group import ServerGroup
from compute_service.store.database import Tx, Values
from compute_service.store.sql import dump_some, insert_missing, insert_new
from compute_service.store.tables.catalog import server_group_members, server_groups
from compute_service.store.tables.mappings import instance_mappings

_t = server_groups.c
_m = server_group_members.c
_i = instance_mappings.c
_SELECT = select(
    _t.id,
    _t.uuid,
    _t.project_id,
    _t.user_id,
    _t.name,
    _t.policy,
    _t.rules,
    _t.created_at,
    _t.updated_at,
)
_rules = msgspec.json.Decoder(dict[str, int]).decode


def group_insert(tx: Tx, group: ServerGroup) -> ServerGroup:
    """Add a server group; one of that UUID that is there already is returned as it stands."""
    created = group.created_at or tx.now()
    values = {
        "uuid": group.uuid,
        "project_id": group.project_id,
        "user_id": group.user_id,
        "name": group.name,
        "policy": group.policy,
        "rules": dump_some(group.rules),
        "created_at": created,
    }
    new = insert_new(tx, server_groups, values)
    if new is None:
        return _required(tx, group.uuid)
    if group.members:
        rows = [{"group_id": new, "instance_uuid": uuid} for uuid in dict.fromkeys(group.members)]
        tx.execute(insert(server_group_members), rows)
    return group.replace(id=new, created_at=created)


def _groups(tx: Tx, rows: Sequence[Values]) -> list[ServerGroup]:
    ids = [row[0] for row in rows]
    members: dict[int, list[str]] = {}
    if ids:
        living = (
            select(_m.group_id, _m.instance_uuid)
            .join_from(server_group_members, instance_mappings, _m.instance_uuid == _i.uuid)
            .where(_m.group_id.in_(ids), _i.deleted.is_(False))
            .order_by(_i.id)
        )
        for group_id, uuid in tx.all(living):
            members.setdefault(group_id, []).append(uuid)
    return [
        ServerGroup(
            id=row[0],
            uuid=row[1],
            project_id=row[2],
            user_id=row[3],
            name=row[4],
            policy=row[5],
            rules=_rules(row[6]) if row[6] else {},
            members=tuple(members.get(row[0], ())),
            created_at=row[7],
            updated_at=row[8],
        )
        for row in rows
    ]


def group_get(tx: Tx, uuid: str) -> ServerGroup | None:
    """Return a group with its living members, in two statements, or None."""
    found = _groups(tx, tx.all(_SELECT.where(_t.uuid == uuid)))
    return found[0] if found else None


def _required(tx: Tx, uuid: str) -> ServerGroup:
    found = group_get(tx, uuid)
    if found is None:
        raise NotFound(f"Instance group {uuid} could not be found.")
    return found


def group_of_instance(tx: Tx, instance_uuid: str) -> ServerGroup | None:
    """Return the group a server is in, or None."""
    mine = select(_m.group_id).where(_m.instance_uuid == instance_uuid)
    found = _groups(tx, tx.all(_SELECT.where(_t.id.in_(mine)).limit(1)))
    return found[0] if found else None


def groups_of_instances(tx: Tx, instance_uuids: Sequence[str]) -> dict[str, str]:
    """Return the group's UUID for each of these servers that is in one, in one statement."""
    statement = (
        select(_m.instance_uuid, _t.uuid)
        .join_from(server_group_members, server_groups)
        .where(_m.instance_uuid.in_(instance_uuids))
    )
    return {instance: group for instance, group in tx.all(statement)}


def group_page(
    tx: Tx, project_id: str | None = None, offset: int = 0, limit: int | None = None
) -> list[ServerGroup]:
    """Return groups by id, of one project or of all, passing over the first `offset`."""
    statement = _SELECT.order_by(_t.id).offset(offset)
    if project_id is not None:
        statement = statement.where(_t.project_id == project_id)
    statement = statement.limit(limit if limit is not None else 2**31)
    return _groups(tx, tx.all(statement))


def group_count(tx: Tx, project_id: str, user_id: str | None = None) -> int:
    """Return how many groups a project (or one user in it) has."""
    statement = select(func.count()).select_from(server_groups).where(_t.project_id == project_id)
    if user_id is not None:
        statement = statement.where(_t.user_id == user_id)
    return int(tx.scalar(statement))


def group_lock(tx: Tx, uuid: str) -> ServerGroup | None:
    """Return a group, or None, and let nobody else have it so until the transaction ends."""
    tx.execute(select(_t.id).where(_t.uuid == uuid).with_for_update())
    return group_get(tx, uuid)


def group_add_members(tx: Tx, uuid: str, members: Sequence[str], limit: int = -1) -> ServerGroup:
    """Add servers to a group of which at most `limit` living members may be (-1: any number).

    The group's row is locked meanwhile, so that concurrent callers cannot both fit. Members that are in it
    already count once. Raises NotFound, or OverQuota.
    """
    _lock(tx, uuid)
    group = _required(tx, uuid)
    new = [member for member in dict.fromkeys(members) if member not in group.members]
    if limit >= 0 and len(group.members) + len(new) > limit:
        raise OverQuota("Quota exceeded, too many servers in group")
    insert_missing(
        tx, server_group_members, [{"group_id": group.id, "instance_uuid": member} for member in new]
    )
    return group.replace(members=(*group.members, *new))


def _lock(tx: Tx, uuid: str) -> None:
    condition: ColumnElement[bool] = _t.uuid == uuid
    if tx.execute(update(server_groups).where(condition).values(updated_at=tx.now())).rowcount != 1:
        raise NotFound(f"Instance group {uuid} could not be found.")


def group_remove_members(tx: Tx, instance_uuids: Sequence[str]) -> int:
    """Take servers out of whatever group they are in; returns how many were in one."""
    statement = delete(server_group_members).where(_m.instance_uuid.in_(instance_uuids))
    return tx.execute(statement).rowcount


def group_delete(tx: Tx, uuid: str) -> bool:
    """Remove a group; its members stay. Returns whether it was there."""
    return tx.execute(delete(server_groups).where(_t.uuid == uuid)).rowcount == 1
