"""Moves servers from the API database to a cell, together with what waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compute_service.control.bell import ring
from compute_service.control.services import Services
from compute_service.domain.errors import Stale, Unavailable
from compute_service.domain.flow import FlowKey, FlowRecord
from compute_service.domain.instance import Instance
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.build import build_id
from compute_service.store.database import Tx
from compute_service.store.dialects import DatabaseDown
from compute_service.store.flows import (
    flow_cancel,
    flow_insert,
    flow_release,
    flows_insert,
    flows_remove,
    unfinished_flows_of_instance,
)
from compute_service.store.instances import (
    instance_get,
    instance_update,
    instances_get,
    instances_insert,
    instances_remove,
    instances_remove_as_seen,
)
from compute_service.store.mappings import instance_mapping_set_cell

_ROUNDS = 8
_OF_THE_USER = (
    "display_name",
    "display_description",
    "hostname",
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "pinned_availability_zone",
    "locked_by",
    "locked_reason",
    "metadata",
    "tags",
)
"""Fields that may be changed of a server that waits to be placed."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A server as it was read in the API database, as it is to be in the cell, and its build flow there."""

    seen: Instance
    placed: Instance
    build: FlowRecord


class NotThere(Unavailable):
    """A cell does not answer, and it is sure that it has not got the servers that it was to be given."""


def hand_over(svc: Services, cell: str, servers: Sequence[Handover]) -> list[Instance]:
    """Put servers and their build flows into a cell, then take them out of the API database.

    Builds may be the caller's own. They still are when the servers are returned, as they are in the cell:
    all was new there, and nobody changed them on the way. Else nothing is returned and nobody has the builds.
    Raises NotThere, other errors when the cell may have them, and Stale when users keep changing them
    meanwhile.
    """
    found, are_new = _put(svc, cell, servers)
    behind = {one.seen.uuid for one in servers if one.seen.task_state is TaskState.DELETING}
    for one, there in zip(servers, found, strict=True):
        if _is_fresh(one.placed, there):
            continue
        behind.add(there.uuid)
        if there.deleted or (there.vm_state is VmState.ERROR and there.host is None):
            # It came to its end in the cell meanwhile: a claim made for it since is not its own.
            svc.placement.release(there.uuid)
    seen = [one.seen for one in servers]
    if not behind and _let_all_go(svc, cell, seen):
        return found if are_new else []
    _disown(svc, cell, [one.build for one in servers])
    _let_go(svc, cell, seen, behind)
    return []


def _put(svc: Services, cell: str, servers: Sequence[Handover]) -> tuple[list[Instance], bool]:
    """Put servers and their build flows into a cell.

    Returns the servers as they are there, and whether the builds are new there.
    """
    sent = False
    try:
        with svc.store.database(cell).write() as tx:
            found = instances_insert(tx, [one.placed for one in servers])
            for one in servers:
                tx.changed(one.seen, one.placed)
            are_new = flows_insert(tx, [one.build for one in servers])
            sent = True
    except DatabaseDown as error:
        if sent:
            raise
        raise NotThere(error.message) from error
    return found, are_new


def _disown(svc: Services, cell: str, builds: Sequence[FlowRecord]) -> None:
    """Let whoever looks next have the builds: what they were made from has changed."""
    with svc.store.database(cell).alone() as tx:
        for build in builds:
            if build.owner is not None:
                flow_release(tx, build.id, build.owner)


def settle_move(svc: Services, cell: str, servers: Sequence[Instance]) -> None:
    """Take servers out of the API database that are in their cell already."""
    if servers:
        _let_go(svc, cell, servers, {one.uuid for one in servers})


def _is_fresh(wanted: Instance, there: Instance) -> bool:
    return there.replace(id=0, updated_at=None) == wanted.replace(
        id=0, updated_at=None, tags=tuple(sorted(wanted.tags))
    )


def _let_go(svc: Services, cell: str, seen: Sequence[Instance], behind: set[str]) -> None:
    """Take servers out of the API database, each when the cell knows all that happened to it."""
    known = {one.uuid: one.generation for one in seen if one.uuid not in behind}
    carried: dict[str, list[str]] = {}
    left = [one.uuid for one in seen]
    for _ in range(_ROUNDS):
        if not left:
            return
        with svc.store.api.write() as tx:
            now = instances_get(tx, left, lock=True)
            ready = [u for u in left if u not in now or now[u].generation == known.get(u)]
            _remove(tx, cell, ready, [flow for u in ready for flow in carried.get(u, ())])
            left = [uuid for uuid in left if uuid not in ready]
            waiting = {uuid: _others(tx, uuid) for uuid in left}
        if left:
            _catch_up(svc, cell, [now[uuid] for uuid in left], waiting)
            known |= {uuid: now[uuid].generation for uuid in left}
            carried |= {uuid: [flow.id for flow in flows] for uuid, flows in waiting.items()}
    raise Stale("Servers kept changing while they were handed to their cell.")


def _let_all_go(svc: Services, cell: str, seen: Sequence[Instance]) -> bool:
    """Take servers out that nobody touched since they were read; False, and nothing is done, if one was."""
    try:
        with svc.store.api.write() as tx:
            instances_remove_as_seen(tx, seen)
            instance_mapping_set_cell(tx, [one.uuid for one in seen], cell)
            flows_remove(tx, [build_id(one.uuid) for one in seen], steps=False)
    except Stale:
        return False
    return True


def _remove(tx: Tx, cell: str, uuids: Sequence[str], others: Sequence[str]) -> None:
    if not uuids:
        return
    instance_mapping_set_cell(tx, uuids, cell)
    instances_remove(tx, uuids)
    flows_remove(tx, [*(build_id(uuid) for uuid in uuids), *others])


def _others(tx: Tx, uuid: str) -> list[FlowRecord]:
    """Return what waits for a server beside its build."""
    return [flow for flow in unfinished_flows_of_instance(tx, uuid) if flow.id != build_id(uuid)]


def _catch_up(
    svc: Services, cell: str, rows: Sequence[Instance], waiting: dict[str, list[FlowRecord]]
) -> None:
    """Tell the cell what happened to servers since they were copied."""
    with svc.store.database(cell).write() as tx:
        for row in rows:
            _follow(tx, row, waiting[row.uuid])
    flows = [flow for found in waiting.values() for flow in found]
    ring(svc, *(FlowKey(database=cell, flow_id=flow.id) for flow in flows))


def _follow(tx: Tx, row: Instance, waiting: Sequence[FlowRecord]) -> None:
    changes: dict[str, Any] = {name: getattr(row, name) for name in _OF_THE_USER}
    if any([flow_insert(tx, flow) for flow in waiting]):
        flow_cancel(tx, build_id(row.uuid), "the server was deleted")
        changes["task_state"] = row.task_state
    there = instance_get(tx, row.uuid, lock=True)
    if there is not None:
        instance_update(tx, there, **changes)
