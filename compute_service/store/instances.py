"""Servers of one database: a cell's, or those of the API database that have no cell yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, or_, select, tuple_, update

from compute_service.domain.errors import Invalid, Stale
from compute_service.domain.instance import HostedServer, Instance
from compute_service.domain.states import VmState
from compute_service.store.database import Tx
from compute_service.store.instance_query import SELECT, SELECT_WITH_TAGS, InstanceQuery, page_statement
from compute_service.store.instance_rows import columns_of, instance_of, row_of
from compute_service.store.sql import insert_new
from compute_service.store.tables.instances import instances, tags

__all__ = [
    "InstanceQuery",
    "hosted_servers",
    "instance_count_by_host",
    "instance_delete",
    "instance_get",
    "instance_insert",
    "instance_page",
    "instance_remove",
    "instance_update",
    "instances_busy",
    "instances_get",
    "instances_insert",
    "instances_on_host",
    "instances_remove",
    "instances_remove_as_seen",
    "instances_soft_deleted",
]


_ANY = SELECT_WITH_TAGS.where(instances.c.uuid == bindparam("wanted"))
_LIVING = _ANY.where(instances.c.deleted == 0)
_SWAP = update(instances).where(
    instances.c.uuid == bindparam("seen_uuid"),
    instances.c.generation == bindparam("seen_generation"),
    instances.c.deleted == 0,
)


def instance_insert(tx: Tx, instance: Instance) -> Instance:
    """Add a server and return it with its `id`; one whose UUID is there already is returned as it stands."""
    new = insert_new(tx, instances, row_of(instance))
    if new is None:
        found = instance_get(tx, instance.uuid, deleted=True)
        if found is None:
            raise Stale(f"Instance {instance.uuid} came and went.")
        return found
    _insert_tags(tx, (instance,))
    return instance.replace(
        id=new, updated_at=instance.updated_at or instance.created_at, tags=tuple(sorted(instance.tags))
    )


def instances_insert(tx: Tx, new: Sequence[Instance]) -> list[Instance]:
    """Add servers in as few statements as for one; those that are there already are left as they stand."""
    if len(new) == 1:
        return [instance_insert(tx, new[0])]
    uuids = [instance.uuid for instance in new]
    present = {row[0] for row in tx.all(select(instances.c.uuid).where(instances.c.uuid.in_(uuids)))}
    missing = [instance for instance in new if instance.uuid not in present]
    if missing:
        tx.execute(insert(instances), [row_of(instance) for instance in missing])
        _insert_tags(tx, missing)
    found = instances_get(tx, uuids, deleted=True)
    return [found[uuid] for uuid in uuids]


def _insert_tags(tx: Tx, new: Iterable[Instance]) -> None:
    rows = [{"instance_uuid": one.uuid, "tag": tag} for one in new for tag in dict.fromkeys(one.tags)]
    if rows:
        tx.execute(insert(tags), rows)


def instance_get(tx: Tx, uuid: str, deleted: bool = False, lock: bool = False) -> Instance | None:
    """Return a server with its tags, or None; a deleted one only if `deleted`.

    With `lock` nobody else changes or removes its row before the end of the transaction.
    """
    statement = _ANY if deleted else _LIVING
    row = tx.one(statement.with_for_update(of=instances) if lock else statement, {"wanted": uuid})
    return None if row is None else instance_of(row)


def instances_get(
    tx: Tx, uuids: Iterable[str], deleted: bool = False, lock: bool = False
) -> dict[str, Instance]:
    """Return those of some servers that are here, by UUID, with their tags; `lock` as in `instance_get`."""
    statement = SELECT_WITH_TAGS.where(instances.c.uuid.in_(list(uuids)))
    if not deleted:
        statement = statement.where(instances.c.deleted == 0)
    if lock:
        statement = statement.order_by(instances.c.uuid).with_for_update(of=instances)
    found = (instance_of(row) for row in tx.all(statement))
    return {instance.uuid: instance for instance in found}


def instance_update(tx: Tx, seen: Instance, **changes: Any) -> Instance:
    """Change fields of a living server, if nobody else has since `seen` was read.

    `updated_at` is set to now unless given. `tags` replaces the whole set. Returns the server as it is then.
    Raises Stale when the row's generation is another or the server is deleted.
    """
    changes.setdefault("updated_at", tx.now())
    values = columns_of(changes)
    values["generation"] = seen.generation + 1
    _swap(tx, seen, values)
    if "tags" in changes:
        changes["tags"] = _set_tags(tx, seen.uuid, changes["tags"])
    now = seen.replace(**{**changes, "generation": seen.generation + 1})
    tx.changed(seen, now)
    return now


def _swap(tx: Tx, seen: Instance, values: dict[str, Any], delete: bool = False) -> None:
    statement = _SWAP.values(deleted=instances.c.id) if delete else _SWAP
    seen_as = {"seen_uuid": seen.uuid, "seen_generation": seen.generation}
    if tx.execute(statement, {**values, **seen_as}).rowcount != 1:
        raise Stale(f"Instance {seen.uuid} was changed by another request.")


def _set_tags(tx: Tx, uuid: str, wanted: Iterable[str]) -> tuple[str, ...]:
    new = tuple(sorted(set(wanted)))
    tx.execute(delete(tags).where(tags.c.instance_uuid == uuid))
    if new:
        tx.execute(insert(tags), [{"instance_uuid": uuid, "tag": tag} for tag in new])
    return new


def instance_delete(tx: Tx, seen: Instance, now: datetime) -> Instance:
    """Mark a server deleted: it leaves the lists and stays for those who ask for deleted ones.

    Raises Stale as `instance_update` does.
    """
    changes: dict[str, Any] = {
        "vm_state": VmState.DELETED,
        "task_state": None,
        "deleted_at": now,
        "terminated_at": seen.terminated_at or now,
        "updated_at": now,
    }
    values = columns_of(changes)
    values["generation"] = seen.generation + 1
    _swap(tx, seen, values, delete=True)
    gone = seen.replace(**changes, generation=seen.generation + 1, deleted=True)
    tx.changed(seen, gone)
    return gone


def instance_remove(tx: Tx, uuid: str) -> bool:
    """Remove a server's row with its tags, as when it moved to a cell. Returns whether it was there."""
    return instances_remove(tx, (uuid,)) == 1


def instances_remove(tx: Tx, uuids: Sequence[str]) -> int:
    """Remove rows of servers with their tags; returns how many were there."""
    tx.execute(delete(tags).where(tags.c.instance_uuid.in_(uuids)))
    return tx.execute(delete(instances).where(instances.c.uuid.in_(uuids))).rowcount


def instances_remove_as_seen(tx: Tx, seen: Sequence[Instance]) -> None:
    """Remove rows of servers that nobody changed since they were `seen`, all of them.

    Raises Stale when one was: the transaction is to be undone.
    """
    tagged = [one.uuid for one in seen if one.tags]
    if tagged:
        tx.execute(delete(tags).where(tags.c.instance_uuid.in_(tagged)))
    same = tuple_(instances.c.uuid, instances.c.generation)
    removed = tx.execute(delete(instances).where(same.in_([(one.uuid, one.generation) for one in seen])))
    if removed.rowcount != len(seen):
        raise Stale("A server was changed by another request.")


def instance_page(tx: Tx, query: InstanceQuery, after: Instance | None = None) -> list[Instance]:
    """Return one page of servers, in one statement.

    `after` is the server behind which the page begins, for callers that have it; otherwise `query.marker` is
    looked up here. Raises Invalid for an unknown marker, filter or sort key.
    """
    if query.uuids is not None and not query.uuids:
        return []
    if after is None and query.marker is not None:
        after = instance_get(tx, query.marker, deleted=True)
        if after is None:
            raise Invalid(f"marker [{query.marker}] not found")
    return instances_of(tx, page_statement(tx.dialect, query, after))


def instances_of(tx: Tx, statement: Select[Any]) -> list[Instance]:
    """Run a statement of `page_statement`: for callers that ask several databases the same."""
    return [instance_of(row) for row in tx.all(statement)]


def instances_on_host(tx: Tx, host: str, deleted_since: datetime | None = None) -> list[Instance]:
    """Return the living servers of a host, and those deleted since a time if given."""
    wanted = instances.c.deleted == 0
    if deleted_since is not None:
        wanted |= instances.c.deleted_at >= deleted_since
    statement = SELECT.where(instances.c.host == host, wanted).order_by(instances.c.id)
    return [instance_of(row) for row in tx.all(statement)]


_HOSTED = HostedServer.__struct_fields__
_SELECT_HOSTED = select(*(instances.c[name] for name in _HOSTED)).where(instances.c.deleted == 0)


def hosted_servers(tx: Tx, hosts: Collection[str]) -> dict[str, list[HostedServer]]:
    """Return by host the living servers of some hosts, oldest first, in one statement."""
    found: dict[str, list[HostedServer]] = {host: [] for host in hosts}
    if found:
        for row in tx.all(_SELECT_HOSTED.where(instances.c.host.in_(list(found)))):
            server = HostedServer(**dict(zip(_HOSTED, row, strict=True)))
            found[server.host].append(server)
    for there in found.values():
        there.sort(key=lambda server: server.id)
    return found


def instances_set_zone(tx: Tx, host: str, zone: str) -> int:
    """Let the living servers of a host be in an availability zone; returns how many were in another.

    That is no change of the servers themselves: who read one before may still write what it changes.
    """
    elsewhere = or_(instances.c.availability_zone.is_(None), instances.c.availability_zone != zone)
    here = (instances.c.host == host, instances.c.deleted == 0, elsewhere)
    return tx.execute(update(instances).where(*here).values(availability_zone=zone)).rowcount


def instances_busy(tx: Tx, updated_before: datetime, limit: int) -> list[Instance]:
    """Return living servers with a task state that nothing has changed since a time, longest first."""
    statement = SELECT.where(
        instances.c.deleted == 0, instances.c.task_state.is_not(None), instances.c.updated_at < updated_before
    )
    return [instance_of(row) for row in tx.all(statement.order_by(instances.c.updated_at).limit(limit))]


def instances_soft_deleted(tx: Tx, deleted_before: datetime, limit: int) -> list[Instance]:
    """Return idle servers that were soft-deleted before a time, longest first."""
    statement = SELECT.where(
        instances.c.deleted == 0,
        instances.c.vm_state == VmState.SOFT_DELETED.value,
        instances.c.task_state.is_(None),
        instances.c.deleted_at < deleted_before,
    )
    return [instance_of(row) for row in tx.all(statement.order_by(instances.c.deleted_at).limit(limit))]


def instance_count_by_host(tx: Tx) -> dict[str, int]:
    """Return how many living servers each host has; hosts without any are left out."""
    statement = (
        select(instances.c.host, func.count())
        .where(instances.c.deleted == 0, instances.c.host.is_not(None))
        .group_by(instances.c.host)
    )
    return {host: count for host, count in tx.all(statement)}
