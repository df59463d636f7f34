"""Revert a resize: the guest goes from the target and stands again where and as it was.

From a target that has begun to remove it there is no way but back to the source. A target that is down is
passed over.
"""

from __future__ import annotations

from compute_service.control.spec import guest_spec
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.build import Ports
from compute_service.flows.kinds.claims import holds, rewrite
from compute_service.flows.kinds.confirm_resize import SettleParams, is_settling
from compute_service.flows.kinds.mapping import count
from compute_service.flows.kinds.moved import before, notes_after
from compute_service.flows.kinds.server import faults, idle, if_up, no_way_back, row_of
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.ports.placement import ConsumerAllocations
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.migrations import migration_update

_OWN = frozenset({TaskState.RESIZE_REVERTING})


class RevertParams(SettleParams):
    """Parameters of a revert. `host` and `node` are the source's, `target` is where the server is now."""

    target: str
    node: str | None = None


def _to_target(run: Run[RevertParams]) -> tuple[str, str] | None:
    return if_up(run, run.params.target)


def _to_source(run: Run[RevertParams]) -> tuple[str, str]:
    return run.key.database, run.params.host or ""


def _destroy(run: Run[RevertParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.destroy(key, run.params.uuid, True)


def _swap_back(run: Run[RevertParams]) -> None:
    """Give the server back what the migration holds for it."""
    held = holds(run.svc.placement, run.params.migration)
    if not held:
        return
    seen = row_of(run)
    server, migration = (
        ConsumerAllocations(
            consumer=consumer,
            project_id=seen.project_id,
            user_id=seen.user_id,
            allocations=allocations,
        )
        for consumer, allocations in ((seen.uuid, held), (run.params.migration, {}))
    )
    rewrite(run.svc.placement, (server, migration))


def _bind(run: Run[RevertParams]) -> Ports:
    seen = row_of(run)
    vifs = run.svc.network.bind(seen.uuid, seen.vifs, run.params.host or "")
    return Ports(vifs=vifs, bound_at=run.svc.clock.time())


def _move_back(run: Run[RevertParams], agent: ComputeAgent, key: StepKey) -> None:
    seen = row_of(run)
    was = before(seen)
    power = PowerState.SHUTDOWN if was.vm_state is VmState.STOPPED else PowerState.RUNNING
    there = seen.replace(flavor=was.flavor, vifs=run.output("bind", Ports).vifs)
    agent.migrate_back(key, guest_spec(there, run.svc.settings, power))


def _done(run: Run[RevertParams]) -> None:
    if not is_settling(run, "reverting"):
        return
    count(run.svc, run.params.uuid, run.params.flavor)
    built = run.output("move back", GuestBuilt)
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if migration_update(tx, run.params.migration, ("reverting",), status="reverted") and seen is not None:
            was = before(seen)
            instance_update(
                tx,
                seen,
                **idle(seen, _OWN),
                vm_state=was.vm_state,
                power_state=built.power_state,
                flavor=was.flavor,
                host=run.params.host,
                node=run.params.node,
                availability_zone=was.availability_zone,
                vifs=run.output("bind", Ports).vifs,
                launched_at=run.svc.clock.now(),
                system_metadata=notes_after(seen),
            )


def _failed(run: Run[RevertParams], failure: Failure) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        migration_update(tx, run.params.migration, ("reverting",), status="finished")
        if seen is not None:
            instance_update(tx, seen, **idle(seen, _OWN), **faults(run, failure))


def _stuck(run: Run[RevertParams], failure: Failure) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        migration_update(tx, run.params.migration, ("reverting",), status="error")
        if seen is not None:
            instance_update(tx, seen, **idle(seen, _OWN), vm_state=VmState.ERROR, **faults(run, failure))


REVERT_RESIZE = Flow(
    "revert_resize",
    RevertParams,
    (
        Step("no way back", no_way_back, pivot=True),
        Remote("destroy", _to_target, _destroy, event="compute_revert_resize", deadline=600.0),
        Step("swap back", _swap_back),
        Step("bind", _bind, output=Ports),
        Remote("move back", _to_source, _move_back, output=GuestBuilt, event="compute_finish_revert_resize"),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_stuck,
)
