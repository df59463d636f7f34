"""Resize and cold migrate: hand a server's disks to another host (or make it another size on its own).

While it lasts the server holds its new claim and the migration, a consumer of its own, the old one. The
source keeps what it needs to take the guest back until the move is confirmed. Failures unwind to where it
began; a host that rejects the guest is followed by the next alternate, in a new flow.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from compute_service.control.bell import ring
from compute_service.control.spec import guest_spec
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import Failure, FlowRecord, StepKey
from compute_service.domain.guest import DisksMoved, GuestBuilt, GuestSpec
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration, MigrationType
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.build import Ports, next_id
from compute_service.flows.kinds.mapping import count
from compute_service.flows.kinds.moved import RESIZE_TASKS, notes_before
from compute_service.flows.kinds.moving import (
    MoveParams,
    Target,
    address_of,
    choose,
    migration_id,
    swap,
    swap_back,
    target_of,
)
from compute_service.flows.kinds.server import fault_of, faults, idle, row_of, settle_in
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.migrations import migration_get, migration_insert, migration_update

_MOVING = ("pre-migrating", "migrating", "post-migrating")


class ResizeParams(MoveParams):
    """Parameters of a move."""

    kind: MigrationType
    was: VmState
    old: Flavor
    new: Flavor
    auto_disk_config: bool | None = None


def migration_of(flow: FlowRecord, seen: Instance, params: ResizeParams, now: datetime) -> Migration:
    """Return the row that shows a move; it is written together with the flow."""
    return Migration(
        uuid=migration_id(flow.id),
        instance_uuid=seen.uuid,
        migration_type=params.kind,
        status="pre-migrating",
        source_compute=seen.host,
        source_node=seen.node,
        old_flavor_id=params.old.id,
        new_flavor_id=params.new.id,
        user_id=flow.user_id,
        project_id=flow.project_id,
        flow_id=flow.id,
        created_at=now,
    )


def _choose(run: Run[ResizeParams]) -> Target:
    return choose(run, migration_id(run.flow.id))


def _unchoose(run: Run[ResizeParams]) -> None:
    run.svc.placement.release(migration_id(run.flow.id))


def _swap(run: Run[ResizeParams]) -> None:
    """Give the server the new claim and the migration the old one, at once."""
    target = target_of(run)
    swap(run, migration_id(run.flow.id))
    _note(
        run,
        TaskState.RESIZE_MIGRATING,
        "migrating",
        dest_compute=target.claim.host,
        dest_node=target.claim.node,
        dest_host=address_of(run, target.claim),
    )


def _swap_back(run: Run[ResizeParams]) -> None:
    swap_back(run, migration_id(run.flow.id))


def _note(run: Run[ResizeParams], task: TaskState, status: str, **changes: Any) -> None:
    """Show how far the move is."""
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None and seen.task_state in RESIZE_TASKS:
            instance_update(tx, seen, task_state=task)
        migration_update(tx, migration_id(run.flow.id), _MOVING, status=status, **changes)


def _to_source(run: Run[ResizeParams]) -> tuple[str, str]:
    return run.key.database, run.params.host or ""


def _to_target(run: Run[ResizeParams]) -> tuple[str, str]:
    return run.key.database, target_of(run).claim.host


def _guest(run: Run[ResizeParams], seen: Instance) -> GuestSpec:
    power = PowerState.SHUTDOWN if run.params.was is VmState.STOPPED else PowerState.RUNNING
    return guest_spec(seen, run.svc.settings, power)


def _move_out(run: Run[ResizeParams], agent: ComputeAgent, key: StepKey) -> None:
    claim = target_of(run).claim
    agent.migrate_out(key, _guest(run, row_of(run)), claim.host, address_of(run, claim))


def _move_back(run: Run[ResizeParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.migrate_back(key, _guest(run, row_of(run)))


def _bind_there(run: Run[ResizeParams]) -> Ports:
    seen = row_of(run)
    vifs = run.svc.network.bind(seen.uuid, seen.vifs, target_of(run).claim.host)
    _note(run, TaskState.RESIZE_FINISH, "post-migrating")
    return Ports(vifs=vifs, bound_at=run.svc.clock.time())


def _bind_here(run: Run[ResizeParams]) -> None:
    seen = row_of(run)
    if run.params.host is not None:
        run.svc.network.bind(seen.uuid, seen.vifs, run.params.host)


def _move_in(run: Run[ResizeParams], agent: ComputeAgent, key: StepKey) -> None:
    claim = target_of(run).claim
    there = row_of(run).replace(
        flavor=run.params.new, vifs=run.output("bind", Ports).vifs, availability_zone=claim.availability_zone
    )
    moved = run.output("move out", DisksMoved)
    agent.migrate_in(key, _guest(run, there), moved, run.params.kind == "resize")


def _clear(run: Run[ResizeParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.destroy(key, run.params.uuid, True)


def _done(run: Run[ResizeParams]) -> None:
    claim, built = target_of(run).claim, run.output("move in", GuestBuilt)
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if migration_update(tx, migration_id(run.flow.id), _MOVING, status="finished") and seen is not None:
            disk = run.params.auto_disk_config
            instance_update(
                tx,
                seen,
                **idle(seen, RESIZE_TASKS),
                vm_state=VmState.RESIZED,
                power_state=built.power_state,
                flavor=run.params.new,
                host=claim.host,
                node=claim.node,
                availability_zone=claim.availability_zone,
                vifs=run.output("bind", Ports).vifs,
                launched_at=run.svc.clock.now(),
                progress=0,
                auto_disk_config=seen.auto_disk_config if disk is None else disk,
                system_metadata=notes_before(seen),
            )


def _failed(run: Run[ResizeParams], failure: Failure) -> None:
    """Go to the next alternate, or leave the server as it was."""
    if not _is_moving(run):
        return  # Said before: the server may be on another move by now.
    again = _again(run, failure)
    if again is not None and _begin_again(run, again, failure):
        return
    count(run.svc, run.params.uuid, run.params.old)
    _end(run, failure)


def _is_moving(run: Run[ResizeParams]) -> bool:
    with run.svc.store.database(run.key.database).read() as tx:
        move = migration_get(tx, migration_id(run.flow.id))
    return move is not None and move.status in _MOVING


def _again(run: Run[ResizeParams], failure: Failure) -> FlowRecord | None:
    """Return the flow to the next alternate, or None when there is none."""
    chosen = run.outputs.get("choose")
    alternates = chosen.alternates if isinstance(chosen, Target) else run.params.alternates
    most = run.svc.settings.scheduler.max_attempts
    if failure.kind not in ("HostRejected", "Conflict") or not alternates or run.params.attempt >= most:
        return None
    params = run.params.replace(
        claim=alternates[0], alternates=alternates[1:], attempt=run.params.attempt + 1
    )
    return new_flow(
        "resize",
        params,
        Origin.like(run.flow),
        instance_uuid=run.params.uuid,
        action=run.flow.action,
        after=run.flow.id,
        flow_id=next_id(run.flow.id),
    )


def _begin_again(run: Run[ResizeParams], flow: FlowRecord, failure: Failure) -> bool:
    """Set another try going; False when something else is to be done to the server."""
    now = run.svc.clock.now()
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is None or seen.task_state not in RESIZE_TASKS:
            return False
        migration_update(tx, migration_id(run.flow.id), _MOVING, status="error")
        instance_update(tx, seen, task_state=TaskState.RESIZE_PREP, fault=fault_of(failure, now))
        key = submit(tx, flow)
        migration_insert(tx, migration_of(flow, seen, run.params, now))
    ring(run.svc, key)
    return True


def _end(run: Run[ResizeParams], failure: Failure, **changes: Any) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        settle_in(tx, run.params.uuid, RESIZE_TASKS, **changes, **faults(run, failure))
        migration_update(tx, migration_id(run.flow.id), _MOVING, status="error")


def _stuck(run: Run[ResizeParams], failure: Failure) -> None:
    _end(run, failure, vm_state=VmState.ERROR)


RESIZE = Flow(
    "resize",
    ResizeParams,
    (
        Step("choose", _choose, _unchoose, output=Target, event="conductor_migrate_server"),
        Step("swap", _swap, _swap_back, event="compute_prep_resize"),
        Remote(
            "move out",
            _to_source,
            _move_out,
            _move_back,
            output=DisksMoved,
            event="compute_resize_instance",
            undo_needs_host=True,
        ),
        Step("bind", _bind_there, _bind_here, output=Ports),
        Remote("move in", _to_target, _move_in, _clear, output=GuestBuilt, event="compute_finish_resize"),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_stuck,
    migration="resize",
)
