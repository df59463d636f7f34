"""Live migration: begin one, wait until both hosts have agreed, abort it, let it come to its end."""

from __future__ import annotations

from contextlib import suppress

from compute_service.control.act import Work, admit, check, note
from compute_service.control.bell import ring
from compute_service.control.liveness import host_is_up
from compute_service.control.notices import About, tell_server
from compute_service.control.resize import move_request
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Invalid, InvalidState, NotFound
from compute_service.domain.flow import FlowKey, FlowRecord, FlowState, StepPhase, StepState
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration
from compute_service.domain.order import LiveMigrationOrder
from compute_service.domain.request import PlacementRequest
from compute_service.domain.states import TaskState
from compute_service.flows.kinds.build import next_id
from compute_service.flows.kinds.live_migrate import (
    BEGIN,
    FORCE,
    LiveMigrateParams,
    begin_migration,
    new_migration,
)
from compute_service.store.database import Tx
from compute_service.store.flows import flow_cancel, flow_get, flow_signal, steps_of
from compute_service.store.instances import instance_get
from compute_service.store.mappings import host_mapping_get
from compute_service.store.migrations import migration_get_by_id
from compute_service.store.servers import Located

_LOOKS = (0.02, 0.5)
"""Seconds between two looks at a flow that is waited for, at first and at most."""
RUNNING = ("running",)
QUEUED = ("queued", "preparing")
"""The statuses of a live migration that was admitted and does not carry the guest yet."""


def live_migrate(ctx: Context, svc: Services, server: Located, order: LiveMigrationOrder) -> str:
    """Begin a live migration and return its flow's id; `agreed` waits for its first part.

    Raises Invalid (the source or the named host is down, or cannot be the target), Locked, InvalidState,
    NotReady.
    """
    check(ctx, svc, server, ACTIONS["live_migrate"])
    source = server.instance.host
    if source is not None:
        _must_be_up(svc, server.database, source)
    request = _request(ctx, svc, server, order)
    work = Work("live_migrate")

    def params(now: Instance) -> LiveMigrateParams:
        return LiveMigrateParams(
            uuid=now.uuid,
            host=now.host,
            request=request,
            migration=new_migration(work.flow_id),
            block=order.block,
            over_commit=order.over_commit,
        )

    def also(tx: Tx, now: Instance, flow: FlowRecord) -> None:
        begin_migration(tx, flow, now, params(now))

    return admit(ctx, svc, server, Work("live_migrate", params, also=also, flow_id=work.flow_id))


def _request(ctx: Context, svc: Services, server: Located, order: LiveMigrationOrder) -> PlacementRequest:
    """Return what the scheduler is asked: a forced host is claimed without asking whether it suits."""
    request = move_request(ctx, svc, server, server.instance.flavor, leave=True)
    if order.host is None:
        return request
    if order.host == server.instance.host:
        raise Invalid(f"Unable to migrate instance ({server.instance.uuid}) to current host ({order.host}).")
    with svc.store.api.read() as tx:
        mapping = host_mapping_get(tx, order.host)
    if mapping is None or mapping.cell != server.database:
        raise Invalid(f"Compute host {order.host} could not be found.")
    _must_be_up(svc, server.database, order.host)
    if order.force:
        return request.replace(force_host=order.host)
    return request.replace(requested_host=order.host)


def _must_be_up(svc: Services, cell: str, host: str) -> None:
    if not host_is_up(svc, cell, host):
        raise Invalid(f"Compute service of {host} is unavailable at this time.")


def agreed(svc: Services, server: Located, flow_id: str) -> None:
    """Wait until both hosts have agreed to a live migration, for as long as a call may take.

    Raises Invalid when there is no host that can have the server, with the reason.
    """
    until, pause = svc.clock.time() + svc.settings.default.rpc_response_timeout, _LOOKS[0]
    while svc.clock.time() < until:
        flow, has_begun, follower = _look(svc, server.database, flow_id)
        if flow is None or has_begun or flow.state is FlowState.DONE:
            return
        if flow.state in (FlowState.FAILED, FlowState.STUCK):
            if follower is None:
                raise Invalid(flow.error.message if flow.error else "The server cannot be migrated.")
            flow_id = follower.id
        svc.clock.sleep(pause)
        pause = min(pause * 1.5, _LOOKS[1])


def _look(svc: Services, cell: str, flow_id: str) -> tuple[FlowRecord | None, bool, FlowRecord | None]:
    """Return a flow, whether it carries its guest over or has, and the flow to the next alternate if any."""
    with svc.store.database(cell).read() as tx:
        flow = flow_get(tx, flow_id)
        rows = steps_of(tx, flow_id)
        has_begun = any(
            row.name == BEGIN and row.phase is StepPhase.DO and row.state is StepState.DONE for row in rows
        )
        return flow, has_begun, flow_get(tx, next_id(flow_id))


def abort(ctx: Context, svc: Services, server: Located, number: int, queued: bool) -> None:
    """End a server's live migration; with `queued` also one that does not carry the guest yet.

    Raises NotFound, Invalid (its status does not let it be aborted), InvalidState.
    """
    key, move = _end_early(ctx, svc, server, number, "abort", RUNNING + (QUEUED if queued else ()))
    tell_server(svc, "instance.live_migration_abort", "start", About(server.instance))
    ring(svc, key)
    if move.status in RUNNING:
        stop_copying(svc, server)
    tell_server(svc, "instance.live_migration_abort", "end", About(server.instance))


def stop_copying(svc: Services, server: Located) -> None:
    """Have the host that carries a guest over stop at once; should this get lost, the flow tells it again."""
    source = server.instance.host or ""
    with suppress(ComputeError):
        if host_is_up(svc, server.database, source):
            svc.agent(server.database, source).live_abort(server.instance.uuid)


def force_complete(ctx: Context, svc: Services, server: Located, number: int) -> None:
    """Let a server's live migration come to its end.

    Raises Invalid (no such migration, or it does not run), Locked, InvalidState.
    """
    ACTIONS["force_complete"].check(server.instance, ctx.is_admin)
    try:
        key, _ = _end_early(ctx, svc, server, number, "force_complete", RUNNING)
    except NotFound as error:
        raise Invalid(error.message) from error
    tell_server(svc, "instance.live_migration_force_complete", "start", About(server.instance))
    ring(svc, key)
    source = server.instance.host or ""
    with suppress(ComputeError):
        if host_is_up(svc, server.database, source):
            svc.agent(server.database, source).live_force(server.instance.uuid)
    tell_server(svc, "instance.live_migration_force_complete", "end", About(server.instance))


def _end_early(
    ctx: Context, svc: Services, server: Located, number: int, what: str, statuses: tuple[str, ...]
) -> tuple[FlowKey, Migration]:
    """Note on a migration's flow that it is to end early, and among the server's actions who asked."""
    uuid, action = server.instance.uuid, ACTIONS[what]
    with svc.store.database(server.database).write() as tx:
        seen = instance_get(tx, uuid, lock=True)
        if seen is None:
            raise NotFound(f"Instance {uuid} could not be found.")
        if seen.task_state is not TaskState.MIGRATING:
            raise InvalidState(uuid, action.name, "task_state", str(seen.task_state))
        move = migration_get_by_id(tx, number, uuid)
        if move is None or move.migration_type != "live-migration" or move.flow_id is None:
            raise NotFound(f"Migration {number} not found for instance {uuid}")
        if move.status not in statuses:
            raise Invalid(
                f"Migration {number} state of instance {uuid} is {move.status}. "
                f"Cannot {what} while the migration is in this state."
            )
        if what == "abort":
            flow_cancel(tx, move.flow_id, "The live migration was aborted.")
        else:
            flow_signal(tx, move.flow_id, FORCE)
        note(tx, ctx, uuid, action.name)
    return FlowKey(database=server.database, flow_id=move.flow_id), move
