"""Restore: bring a soft-deleted server back. It counts for quotas again before this begins."""

from __future__ import annotations

from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.mapping import count_not
from compute_service.flows.kinds.server import OnServer, at_host, faults, guest_of, settle
from compute_service.flows.kinds.verb import RETRIES
from compute_service.flows.step import Flow, Remote, Run
from compute_service.store.flows import flows_after

_OWN = frozenset({TaskState.RESTORING})


def _send(run: Run[OnServer], agent: ComputeAgent, key: StepKey) -> None:
    agent.power_on(key, guest_of(run, PowerState.RUNNING))


def _done(run: Run[OnServer]) -> None:
    on = PowerState.NOSTATE if run.params.host is None else PowerState.RUNNING
    settle(run, _OWN, vm_state=VmState.ACTIVE, deleted_at=None, power_state=on)


def _failed(run: Run[OnServer], failure: Failure) -> None:
    with run.svc.store.database(run.key.database).read() as tx:
        if flows_after(tx, run.flow.id):
            return  # Said before: whoever waits was let in since, and may have let the server count again.
    count_not(run.svc, run.params.uuid)
    _stuck(run, failure)


def _stuck(run: Run[OnServer], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))


RESTORE = Flow(
    "restore",
    OnServer,
    (Remote("power on", at_host, _send, event="compute_restore_instance", deadline=900.0, retries=RETRIES),),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_stuck,
)
