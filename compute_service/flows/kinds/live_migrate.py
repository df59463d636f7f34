"""Live migrate: have a server's guest go to another host while it runs.

Both hosts are asked before anything is carried over: the source offers, the target makes ready. Until the
guest runs on the target everything is taken back when something fails, and a target that refuses is followed
by the next alternate, in a new flow with the same migration. Which host has the guest is the source's to say:
it keeps it until all of it has gone over, and whoever asks again is told that it has. So a copy whose answer
is missing is asked for again, and never given up as failed while the source may answer. When the source is
lost the target is asked instead: it has the guest, or takes it no more.

A copy is aborted, or forced to its end, by what is noted on the flow: with each repetition of its message the
host is told that as well.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import Any

from compute_service.control.bell import ring
from compute_service.control.liveness import host_is_up
from compute_service.control.spec import guest_spec
from compute_service.domain.errors import ComputeError, Conflict, HostRejected
from compute_service.domain.flow import Failure, FlowRecord, StepKey, StepPhase
from compute_service.domain.guest import GuestBuilt, GuestSpec, LiveOffer, LiveReady, LiveStage
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.build import Ports, next_id
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
from compute_service.flows.kinds.server import (
    CANCELLED,
    fault_of,
    faults,
    idle,
    if_up,
    row_of,
    settle_in,
)
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.store.database import Tx
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.migrations import migration_get, migration_insert, migration_update

LOG = logging.getLogger(__name__)

FORCE = "force"
"""The word that lets a copy come to its end."""
BEGIN = "begin"
"""The step behind which nothing is refused any more and the guest is carried over."""
UNDER_WAY = ("accepted", "queued", "preparing", "running", "post-migrating")
"""The statuses of a live migration that has not ended."""
_OWN = frozenset({TaskState.MIGRATING})
_MOVES = frozenset({VmState.ACTIVE, VmState.PAUSED})
_LONG = 24 * 3600.0
"""Seconds until a copy is asked for anew: how long it may take is for the host to say."""


class LiveMigrateParams(MoveParams):
    """Parameters of a live migration. `host` is the source."""

    migration: str
    """The migration's UUID, the same for all its tries."""
    block: bool | None = None
    """Whether disks are copied too; None: found out."""
    over_commit: bool = False
    """Whether the target may lack room for the disks' full sizes."""


class Begun(Record):
    """The guest is carried over from here on."""


def live_migration(flow: FlowRecord, seen: Instance, params: LiveMigrateParams, now: datetime) -> Migration:
    """Return the row that shows a live migration; it is written together with the flow."""
    return Migration(
        uuid=params.migration,
        instance_uuid=seen.uuid,
        migration_type="live-migration",
        status="accepted",
        source_compute=seen.host,
        source_node=seen.node,
        dest_compute=params.request.requested_host or params.request.force_host,
        old_flavor_id=seen.flavor.id,
        new_flavor_id=seen.flavor.id,
        user_id=flow.user_id,
        project_id=flow.project_id,
        flow_id=flow.id,
        created_at=now,
    )


def begin_migration(tx: Tx, flow: FlowRecord, seen: Instance, params: LiveMigrateParams) -> None:
    """Write the row of a live migration along with its flow."""
    migration_insert(tx, live_migration(flow, seen, params, tx.now()))


def new_migration(flow_id: str) -> str:
    """Return the UUID of the migration that a first flow makes."""
    return migration_id(flow_id)


def _choose(run: Run[LiveMigrateParams]) -> Target:
    """Claim a host, unless the server need not go any more."""
    seen = row_of(run)
    if seen.host != run.params.host or seen.vm_state not in _MOVES:
        raise Conflict(f"Instance {seen.uuid} is not any more what it was when it was to be migrated.")
    target = choose(run, run.params.migration)
    if target.claim.host == run.params.host:
        raise HostRejected(f"Instance {seen.uuid} is on host {run.params.host} already.")
    _note(
        run,
        "queued",
        dest_compute=target.claim.host,
        dest_node=target.claim.node,
        dest_host=address_of(run, target.claim),
    )
    return target


def _unchoose(run: Run[LiveMigrateParams]) -> None:
    run.svc.placement.release(run.params.migration)


def _swap(run: Run[LiveMigrateParams]) -> None:
    swap(run, run.params.migration)


def _swap_back(run: Run[LiveMigrateParams]) -> None:
    swap_back(run, run.params.migration)


def _note(run: Run[LiveMigrateParams], status: str, **changes: Any) -> None:
    """Show how far the move is."""
    with run.svc.store.database(run.key.database).write() as tx:
        migration_update(tx, run.params.migration, UNDER_WAY, status=status, **changes)


def _to_source(run: Run[LiveMigrateParams]) -> tuple[str, str]:
    return run.key.database, run.params.host or ""


def _to_target(run: Run[LiveMigrateParams]) -> tuple[str, str]:
    return run.key.database, target_of(run).claim.host


def _to_source_if_up(run: Run[LiveMigrateParams]) -> tuple[str, str] | None:
    return if_up(run, run.params.host)


def _here(run: Run[LiveMigrateParams]) -> GuestSpec:
    return guest_spec(row_of(run), run.svc.settings, PowerState.RUNNING)


def _there(run: Run[LiveMigrateParams]) -> GuestSpec:
    claim = target_of(run).claim
    there = row_of(run).replace(
        host=claim.host,
        node=claim.node,
        availability_zone=claim.availability_zone,
        vifs=run.output("bind", Ports).vifs,
    )
    return guest_spec(there, run.svc.settings, PowerState.RUNNING)


def _offer_of(run: Run[LiveMigrateParams]) -> LiveOffer:
    return run.output("offer", LiveOffer)


def _shared(run: Run[LiveMigrateParams]) -> bool:
    """Tell whether the hosts share the guest's disks; they may while the target has not said so."""
    if "prepare" in run.outputs:
        return run.output("prepare", LiveReady).shared
    return _offer_of(run).block is not True


def _offer(run: Run[LiveMigrateParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.live_offer(key, _here(run), run.params.block)


def _bind(run: Run[LiveMigrateParams]) -> Ports:
    seen = row_of(run)
    vifs = run.svc.network.bind_ahead(seen.uuid, seen.vifs, target_of(run).claim.host)
    _note(run, "preparing")
    return Ports(vifs=vifs, bound_at=run.svc.clock.time())


def _unbind(run: Run[LiveMigrateParams]) -> None:
    run.svc.network.unbind_ahead(run.params.uuid, target_of(run).claim.host)


def _prepare(run: Run[LiveMigrateParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.live_prepare(key, _there(run), _offer_of(run).replace(over_commit=run.params.over_commit))


def _discard(run: Run[LiveMigrateParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.live_discard(key, _there(run), _shared(run))


def _begin(run: Run[LiveMigrateParams]) -> Begun:
    _note(run, "running")
    return Begun()


def _migrate(run: Run[LiveMigrateParams], agent: ComputeAgent, key: StepKey) -> None:
    if run.flow.cancel:
        with suppress(ComputeError):
            agent.live_abort(run.params.uuid)
    elif FORCE in run.flow.signals:
        with suppress(ComputeError):
            agent.live_force(run.params.uuid)
    agent.live_migrate(key, _here(run), run.output("prepare", LiveReady))


def _arrived(run: Run[LiveMigrateParams]) -> bool | None:
    """The source is lost: its target knows whether the guest runs there. One that does not, and is not on its
    way, is taken back to where it was; the source is told so, should it still hear."""
    cell, host = _to_target(run)
    if not host_is_up(run.svc, cell, host):
        return None
    try:
        stage = run.svc.agent(cell, host).live_settle(run.params.uuid)
    except ComputeError as error:
        LOG.warning("host %s cannot say where server %s is: %s", host, run.params.uuid, error.message)
        return None
    if stage == LiveStage.ABSENT:
        with suppress(ComputeError):
            key = run.step.replace(phase=StepPhase.UNDO)
            run.svc.agent(*_to_source(run)).revoke(key, run.params.uuid)
        return False
    return True if stage == LiveStage.ARRIVED else None


def _switch(run: Run[LiveMigrateParams]) -> Ports:
    """The guest runs on the target: so do its ports, and the server is there."""
    claim = target_of(run).claim
    seen = row_of(run)
    vifs = run.svc.network.activate(seen.uuid, seen.vifs, claim.host)
    with run.svc.store.database(run.key.database).write() as tx:
        now = instance_get(tx, seen.uuid, lock=True)
        if now is not None:
            place = {"host": claim.host, "node": claim.node, "availability_zone": claim.availability_zone}
            instance_update(tx, now, vifs=vifs, **place)
        migration_update(tx, run.params.migration, UNDER_WAY, status="post-migrating")
    run.svc.placement.release(run.params.migration)
    return Ports(vifs=vifs, bound_at=run.svc.clock.time())


def _finish(run: Run[LiveMigrateParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.live_finish(key, _here(run))


def _leave(run: Run[LiveMigrateParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.live_leave(key, _here(run), _shared(run))


def _done(run: Run[LiveMigrateParams]) -> None:
    power = run.output("finish", GuestBuilt).power_state
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if migration_update(tx, run.params.migration, UNDER_WAY, status="completed") is None:
            return  # Said before: the server may be on another move by now.
        if seen is not None:
            paused = power is PowerState.PAUSED
            state = VmState.PAUSED if paused else VmState.ACTIVE
            stays = seen.vm_state if seen.vm_state not in _MOVES else state
            instance_update(
                tx, seen, **idle(seen, _OWN), vm_state=stays, power_state=power, progress=0, fault=None
            )


def _failed(run: Run[LiveMigrateParams], failure: Failure) -> None:
    """Go to the next alternate, or leave the server as it was."""
    again = _again(run, failure)
    if again is not None and _begin_again(run, again, failure):
        return
    status = "failed" if BEGIN in run.outputs else "error"
    _end(run, failure, "cancelled" if failure.kind == CANCELLED else status)


def _again(run: Run[LiveMigrateParams], failure: Failure) -> FlowRecord | None:
    """Return the flow to the next alternate, or None when there is none or the target is not to blame."""
    params, settings = run.params, run.svc.settings
    chosen = run.outputs.get("choose")
    alternates = chosen.alternates if isinstance(chosen, Target) else params.alternates
    retries = settings.default.migrate_max_retries
    most = (
        settings.scheduler.max_attempts if retries < 0 else min(settings.scheduler.max_attempts, retries + 1)
    )
    blamed = failure.kind in ("HostRejected", "Conflict", "Unavailable", "Timeout", "NotSupported")
    refused = blamed and BEGIN not in run.outputs and ("offer" in run.outputs or params.claim is not None)
    if not refused or not alternates or params.attempt >= most:
        return None
    return new_flow(
        "live_migrate",
        params.replace(claim=alternates[0], alternates=alternates[1:], attempt=params.attempt + 1),
        Origin.like(run.flow),
        instance_uuid=params.uuid,
        action=run.flow.action,
        after=run.flow.id,
        flow_id=next_id(run.flow.id),
    )


def _begin_again(run: Run[LiveMigrateParams], flow: FlowRecord, failure: Failure) -> bool:
    """Set another try going; False when something else is to be done to the server."""
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        move = migration_get(tx, run.params.migration)
        if move is not None and move.flow_id == flow.id:
            return True  # It was set going before.
        if seen is None or seen.task_state not in _OWN or run.flow.cancel:
            return False
        if migration_update(tx, run.params.migration, UNDER_WAY, status="accepted", flow_id=flow.id) is None:
            return False
        instance_update(tx, seen, fault=fault_of(failure, run.svc.clock.now()))
        key = submit(tx, flow)
    ring(run.svc, key)
    return True


def _end(run: Run[LiveMigrateParams], failure: Failure, status: str, **changes: Any) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        if migration_update(tx, run.params.migration, UNDER_WAY, status=status) is not None:
            settle_in(tx, run.params.uuid, _OWN, progress=0, **changes, **faults(run, failure))


def _stuck(run: Run[LiveMigrateParams], failure: Failure) -> None:
    _end(run, failure, "error", vm_state=VmState.ERROR)


LIVE_MIGRATE = Flow(
    "live_migrate",
    LiveMigrateParams,
    (
        Step("choose", _choose, _unchoose, output=Target, event="conductor_live_migrate_instance"),
        Step("swap", _swap, _swap_back),
        Remote(
            "offer",
            _to_source,
            _offer,
            output=LiveOffer,
            event="compute_check_can_live_migrate_source",
            deadline=300.0,
        ),
        Step("bind", _bind, _unbind, output=Ports),
        Remote(
            "prepare",
            _to_target,
            _prepare,
            _discard,
            output=LiveReady,
            event="compute_pre_live_migration",
        ),
        Step(BEGIN, _begin, output=Begun),
        Remote(
            "migrate",
            _to_source,
            _migrate,
            event="compute_live_migration",
            deadline=_LONG,
            pivot=True,
            done_without=_arrived,
        ),
        Step("switch", _switch, output=Ports),
        Remote(
            "finish",
            _to_target,
            _finish,
            output=GuestBuilt,
            event="compute_post_live_migration_at_destination",
        ),
        Remote("leave", _to_source_if_up, _leave, event="compute_post_live_migration"),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_stuck,
    migration="live-migration",
)
