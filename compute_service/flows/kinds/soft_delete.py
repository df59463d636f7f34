"""Soft delete: power off and keep, for `reclaim_instance_interval` seconds, what can be restored.

A move that waits for its confirmation is confirmed by it.
"""

from __future__ import annotations

from compute_service.control.bell import ring
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.delete import settle_source, to_source, unfinished_moves
from compute_service.flows.kinds.mapping import count, count_not
from compute_service.flows.kinds.moved import notes_after
from compute_service.flows.kinds.server import OnServer, faults, idle, if_up, no_way_back, row_of, settle
from compute_service.flows.kinds.shelved import remove_shelved_image
from compute_service.flows.kinds.stop import shutdown_timeout
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.migrations import migration_update

_OWN = frozenset({TaskState.SOFT_DELETING})


def _here(run: Run[OnServer]) -> tuple[str, str] | None:
    return if_up(run, row_of(run).host)


def _power_off(run: Run[OnServer], agent: ComputeAgent, key: StepKey) -> None:
    seconds = shutdown_timeout(row_of(run), run.svc.settings.default.shutdown_timeout)
    agent.power_off(key, run.params.uuid, seconds)


def _done(run: Run[OnServer]) -> None:
    if row_of(run).task_state not in _OWN:
        return  # Said before, or the server's state was reset: it is another's by now.
    if row_of(run).host is None:
        _delete_instead(run)  # It was taken from its host meanwhile: nothing is there to be restored.
        return
    moves = unfinished_moves(run)
    for move in moves:
        run.svc.placement.release(move.uuid)
    if moves:
        count(run.svc, run.params.uuid, row_of(run).flavor)
    # Before the row says that it is over: from then on a restore may let it count again.
    count_not(run.svc, run.params.uuid)
    with run.svc.store.database(run.key.database).write() as tx:
        for move in moves:
            migration_update(tx, move.uuid, ("finished",), status="confirmed")
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None:
            instance_update(
                tx,
                seen,
                **idle(seen, _OWN),
                vm_state=VmState.SOFT_DELETED,
                deleted_at=seen.deleted_at or run.svc.clock.now(),
                power_state=PowerState.SHUTDOWN,
                system_metadata=notes_after(seen),
            )


def _delete_instead(run: Run[OnServer]) -> None:
    flow = new_flow(
        "delete",
        OnServer(uuid=run.params.uuid),
        Origin.like(run.flow),
        instance_uuid=run.params.uuid,
        after=run.flow.id,
    )
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is None or seen.task_state not in _OWN:
            return
        instance_update(tx, seen, task_state=TaskState.DELETING)
        key = submit(tx, flow)
    ring(run.svc, key)


def _failed(run: Run[OnServer], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))


SOFT_DELETE = Flow(
    "soft_delete",
    OnServer,
    (
        Remote(
            "power off",
            _here,
            _power_off,
            event="compute_soft_delete_instance",
            retries=2,
            deadline=600.0,
        ),
        Step("no way back", no_way_back, pivot=True),
        Remote("forget", to_source, settle_source, deadline=600.0),
        Step("remove image", remove_shelved_image),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
