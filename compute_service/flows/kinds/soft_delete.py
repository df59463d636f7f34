"""Soft delete: power off and keep, for `reclaim_instance_interval` seconds, what can be restored."""

from __future__ import annotations

from compute_service.control.liveness import host_is_up
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.mapping import count_not
from compute_service.flows.kinds.server import OnServer, faults, row_of, settle
from compute_service.flows.kinds.stop import shutdown_timeout
from compute_service.flows.step import Flow, Remote, Run

_OWN = frozenset({TaskState.SOFT_DELETING})


def _at(run: Run[OnServer]) -> tuple[str, str] | None:
    host = row_of(run).host
    if host is None or not host_is_up(run.svc, run.key.database, host):
        return None
    return run.key.database, host


def _send(run: Run[OnServer], agent: ComputeAgent, key: StepKey) -> None:
    seconds = shutdown_timeout(row_of(run), run.svc.settings.default.shutdown_timeout)
    agent.power_off(key, run.params.uuid, seconds)


def _done(run: Run[OnServer]) -> None:
    now = run.svc.clock.now()
    settle(run, _OWN, vm_state=VmState.SOFT_DELETED, deleted_at=now, power_state=PowerState.SHUTDOWN)
    count_not(run.svc, run.params.uuid)


def _failed(run: Run[OnServer], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))


SOFT_DELETE = Flow(
    "soft_delete",
    OnServer,
    (
        Remote(
            "power off",
            _at,
            _send,
            event="compute_soft_delete_instance",
            retries=2,
            deadline=600.0,
        ),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
