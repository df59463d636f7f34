"""Delete, soft delete, force delete and restore."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from compute_service.control.act import Work, act, admit, check
from compute_service.control.bell import ring
from compute_service.control.find import find_server, reread
from compute_service.control.live_migrate import stop_copying
from compute_service.control.quota import Counted, budget, counted
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound, Stale
from compute_service.domain.flow import API_DATABASE, FlowKey
from compute_service.domain.instance import Instance
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.build import build_id
from compute_service.flows.kinds.server import OnServer
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.store.flows import flow_cancel, unfinished_flows_of_instance
from compute_service.store.instances import instance_update
from compute_service.store.mappings import instance_mapping_mark_deleted
from compute_service.store.servers import Located

_TRIES = 3
_GOING = frozenset({TaskState.SOFT_DELETING, TaskState.DELETING})


def delete(ctx: Context, svc: Services, server: Located) -> None:
    """Delete a server: kept for a while where `reclaim_instance_interval` says so, if it ever ran.

    One that is on no host has nothing that could be kept. One that is deleted already, for good or
    to be kept, is left to that.
    """
    seen = server.instance
    kept = svc.settings.default.reclaim_instance_interval > 0 and seen.launched_at is not None
    if kept and seen.host is not None:
        with suppress(_GoesAlready):
            admit(ctx, svc, server, Work("soft_delete", changes=_unless_it_goes))
            _stop_copying(svc, server)
        return
    _delete(ctx, svc, server, "delete")


def _stop_copying(svc: Services, server: Located) -> None:
    """Do not let a server that goes be carried to another host first."""
    if server.instance.task_state is TaskState.MIGRATING:
        stop_copying(svc, server)


class _GoesAlready(Exception):
    """Another deletion came first."""


def _unless_it_goes(seen: Instance) -> dict[str, Any]:
    if seen.vm_state is VmState.SOFT_DELETED or seen.task_state in _GOING:
        raise _GoesAlready
    return {}


def force_delete(ctx: Context, svc: Services, server: Located) -> None:
    """Delete a server at once and for good."""
    _delete(ctx, svc, server, "force_delete")


def _delete(ctx: Context, svc: Services, server: Located, key: str) -> None:
    """Delete a server wherever it is, also while it is handed to its cell; one that goes already is left."""
    for _ in range(_TRIES):
        ACTIONS[key].check(server.instance, ctx.is_admin)
        try:
            if server.database == API_DATABASE:
                _delete_unplaced(ctx, svc, server.instance)
            elif not _is_going(svc, server):
                act(ctx, svc, server, key)
                _stop_copying(svc, server)
        except Stale:
            try:
                server = find_server(ctx, svc, server.instance.uuid)
            except NotFound:
                return
        else:
            return
    raise Stale(f"Instance {server.instance.uuid} was changed by another request.")


def _is_going(svc: Services, server: Located) -> bool:
    if server.instance.task_state is not TaskState.DELETING:
        return False
    with svc.store.database(server.database).read() as tx:
        flows = unfinished_flows_of_instance(tx, server.instance.uuid)
    return any(flow.kind == "delete" for flow in flows)


def _delete_unplaced(ctx: Context, svc: Services, server: Instance) -> None:
    """Mark a server that waits for a host. Whoever places it carries the deletion to where it ends up.

    Raises Stale when it was placed in this moment.
    """
    with svc.store.api.write() as tx:
        seen = reread(tx, server)
        if seen is None:
            raise Stale(f"Instance {server.uuid} was changed by another request.")
        if seen.task_state is TaskState.DELETING:
            return
        instance_update(tx, seen, task_state=TaskState.DELETING)
        build = build_id(seen.uuid)
        flow_cancel(tx, build, "the server was deleted")
        flow = new_flow(
            "delete",
            OnServer(uuid=seen.uuid),
            Origin.of(ctx),
            instance_uuid=seen.uuid,
            action="delete",
            after=build,
        )
        key = submit(tx, flow)
    ring(svc, FlowKey(database=API_DATABASE, flow_id=build), key)


def restore(ctx: Context, svc: Services, server: Located) -> str:
    """Bring a soft-deleted server back. Raises InvalidState, OverQuota."""
    check(ctx, svc, server, ACTIONS["restore"])
    used = counted(svc, server.instance.project_id, server.instance.user_id)
    return admit(ctx, svc, server, Work("restore", also=lambda tx, now, flow: _count_again(svc, now, used)))


def _count_again(svc: Services, seen: Instance, used: Counted) -> None:
    """Let the server count again, in a transaction within the one that claims it. Raises OverQuota."""
    with svc.store.api.write() as tx:
        left = budget(tx, svc.settings, seen.project_id, seen.user_id, used)
        if instance_mapping_mark_deleted(tx, seen.uuid, deleted=False):
            left.check({"instances": 1, "cores": seen.flavor.vcpus, "ram": seen.flavor.memory_mb})
