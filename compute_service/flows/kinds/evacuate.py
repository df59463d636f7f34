"""Evacuate: make a server anew on another host, for the one that it was on has failed.

Until the guest stands, the server keeps its claim where it was, and the migration, a consumer of its own,
holds the new one; then the server takes that over at once. Failures unwind to where it began: the server can
be evacuated again. What stands on the failed host is removed by that host when it is back; until then the
migration is `done`, afterwards `completed`.

Hosts may share their disks, and a guest that is made keeps those that it finds. So taking back a guest that
was made removes none.
"""

from __future__ import annotations

import logging
from datetime import datetime

from compute_service.control.liveness import host_is_up
from compute_service.domain.errors import Conflict, HostRejected, NoValidHost
from compute_service.domain.flow import Failure, FlowRecord, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.request import Claim, PlacementRequest, SelectRequest
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.build import Ports
from compute_service.flows.kinds.claims import Allocations, rewrite
from compute_service.flows.kinds.company import with_company
from compute_service.flows.kinds.moving import address_of, migration_id
from compute_service.flows.kinds.server import (
    OnServer,
    faults,
    idle,
    new_guest_of,
    no_way_back,
    row_of,
    without_password,
)
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.ports.placement import ConsumerAllocations
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.migrations import migration_update

LOG = logging.getLogger(__name__)

_OWN = frozenset({TaskState.REBUILDING, TaskState.REBUILD_BLOCK_DEVICE_MAPPING, TaskState.REBUILD_SPAWNING})
_UNDER_WAY = ("accepted", "pre-migrating")
_LET_IN = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.ERROR})


class EvacuateParams(OnServer):
    """Parameters of an evacuation. `host` is the one that failed."""

    was: VmState
    request: PlacementRequest
    ends_stopped: bool = False
    """Whether the server is left stopped whatever it was (from microversion 2.95 on)."""


class Refuge(Record):
    """Where the server goes."""

    claim: Claim


def evacuation_of(flow: FlowRecord, seen: Instance, now: datetime) -> Migration:
    """Return the row that shows an evacuation; it is written together with the flow."""
    return Migration(
        uuid=migration_id(flow.id),
        instance_uuid=seen.uuid,
        migration_type="evacuation",
        status="accepted",
        source_compute=seen.host,
        source_node=seen.node,
        old_flavor_id=seen.flavor.id,
        new_flavor_id=seen.flavor.id,
        user_id=flow.user_id,
        project_id=flow.project_id,
        flow_id=flow.id,
        created_at=now,
    )


def _claim(run: Run[EvacuateParams]) -> Claim:
    return run.output("choose", Refuge).claim


def _ends_off(params: EvacuateParams) -> bool:
    return params.ends_stopped or params.was is VmState.STOPPED


def _choose(run: Run[EvacuateParams]) -> Refuge:
    """Claim a host for the migration, unless the server need not go any more."""
    seen = row_of(run)
    if seen.host != run.params.host or seen.vm_state not in _LET_IN:
        raise Conflict(f"Instance {seen.uuid} is not any more what it was when its evacuation was asked for.")
    if seen.host is not None and host_is_up(run.svc, run.key.database, seen.host):
        raise Conflict(f"Compute service of {seen.host} is in use again.")
    request = with_company(run.svc, run.params.request, (seen.uuid,))
    decision = run.svc.scheduler.select(
        SelectRequest(request=request, consumers=(migration_id(run.flow.id),))
    )
    if not decision.selections:
        raise NoValidHost(decision.message or "No valid host was found. ", decision.refused)
    claim = decision.selections[0].claim
    with run.svc.store.database(run.key.database).write() as tx:
        now = instance_get(tx, seen.uuid, lock=True)
        if now is not None and (now.task_state is None or now.task_state in _OWN):
            instance_update(tx, now, task_state=TaskState.REBUILD_SPAWNING)
        migration_update(
            tx,
            migration_id(run.flow.id),
            _UNDER_WAY,
            status="pre-migrating",
            dest_compute=claim.host,
            dest_node=claim.node,
            dest_host=address_of(run, claim),
        )
    return Refuge(claim=claim)


def _unchoose(run: Run[EvacuateParams]) -> None:
    run.svc.placement.release(migration_id(run.flow.id))


def _bind_there(run: Run[EvacuateParams]) -> Ports:
    seen = row_of(run)
    vifs = run.svc.network.bind(seen.uuid, seen.vifs, _claim(run).host)
    return Ports(vifs=vifs, bound_at=run.svc.clock.time())


def _bind_here(run: Run[EvacuateParams]) -> None:
    """Give the ports back to the failed host, which may have nobody now who could bind them."""
    seen = row_of(run)
    if seen.host is None:
        return
    try:
        run.svc.network.bind(seen.uuid, seen.vifs, seen.host)
    except HostRejected as error:
        LOG.warning("the ports of server %s wait for host %s: %s", seen.uuid, seen.host, error.message)


def _to_refuge(run: Run[EvacuateParams]) -> tuple[str, str]:
    return run.key.database, _claim(run).host


def _spawn(run: Run[EvacuateParams], agent: ComputeAgent, key: StepKey) -> None:
    power = PowerState.SHUTDOWN if _ends_off(run.params) else PowerState.RUNNING
    claim = _claim(run)
    run.rows[run.params.uuid] = row_of(run).replace(
        host=claim.host,
        node=claim.node,
        availability_zone=claim.availability_zone,
        vifs=run.output("bind", Ports).vifs,
    )
    agent.spawn(key, new_guest_of(run, power))


def _destroy(run: Run[EvacuateParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.destroy(key, run.params.uuid, False)


def _take_over(run: Run[EvacuateParams]) -> None:
    """Give the server the new claim, and let go of the old one, at once."""

    def holding(consumer: str, kind: str, allocations: Allocations) -> ConsumerAllocations:
        request = run.params.request
        return ConsumerAllocations(
            consumer=consumer,
            project_id=request.project_id,
            user_id=request.user_id,
            allocations=allocations,
            consumer_type=kind,
        )

    server = holding(run.params.uuid, "INSTANCE", _claim(run).allocations)
    rewrite(run.svc.placement, (server, holding(migration_id(run.flow.id), "MIGRATION", {})))


def _done(run: Run[EvacuateParams]) -> None:
    claim, built = _claim(run), run.output("spawn", GuestBuilt)
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if migration_update(tx, migration_id(run.flow.id), _UNDER_WAY, status="done") is None:
            return  # Said before: the server may be elsewhere by now.
        if seen is not None:
            instance_update(
                tx,
                seen,
                **idle(seen, _OWN),
                vm_state=VmState.STOPPED if _ends_off(run.params) else VmState.ACTIVE,
                power_state=built.power_state,
                host=claim.host,
                node=claim.node,
                availability_zone=claim.availability_zone,
                vifs=run.output("bind", Ports).vifs,
                launched_at=run.svc.clock.now(),
                progress=0,
                fault=None,
                system_metadata=without_password(seen),
            )


def _failed(run: Run[EvacuateParams], failure: Failure) -> None:
    """Leave the server as it was: it can be evacuated again."""
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if migration_update(tx, migration_id(run.flow.id), _UNDER_WAY, status="error") is None:
            return
        if seen is not None:
            notes = without_password(seen)
            instance_update(tx, seen, **idle(seen, _OWN), system_metadata=notes, **faults(run, failure))


def _stuck(run: Run[EvacuateParams], failure: Failure) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        migration_update(tx, migration_id(run.flow.id), _UNDER_WAY, status="error")
        if seen is not None:
            instance_update(
                tx,
                seen,
                **idle(seen, _OWN),
                vm_state=VmState.ERROR,
                system_metadata=without_password(seen),
                **faults(run, failure),
            )


EVACUATE = Flow(
    "evacuate",
    EvacuateParams,
    (
        Step("choose", _choose, _unchoose, output=Refuge, event="rebuild_server"),
        Step("bind", _bind_there, _bind_here, output=Ports),
        Remote("spawn", _to_refuge, _spawn, _destroy, output=GuestBuilt, event="compute_rebuild_instance"),
        Step("no way back", no_way_back, pivot=True),
        Step("take over", _take_over),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_stuck,
    migration="evacuation",
)
