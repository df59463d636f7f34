"""Reboot: restart the guest, softly if asked and possible.

A host that tried and failed leaves a guest that may be dead: the server goes to ERROR, from where a hard
reboot may bring it back. A host that never answered changed nothing that is known of.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import CANCELLED, OnServer, at_host, faults, guest_of, settle
from compute_service.flows.kinds.verb import RETRIES
from compute_service.flows.step import Flow, Remote, Run

_OWN = frozenset(
    {
        TaskState.REBOOTING,
        TaskState.REBOOT_PENDING,
        TaskState.REBOOT_STARTED,
        TaskState.REBOOTING_HARD,
        TaskState.REBOOT_PENDING_HARD,
        TaskState.REBOOT_STARTED_HARD,
    }
)
_SOFT = frozenset({TaskState.REBOOTING, TaskState.REBOOT_PENDING, TaskState.REBOOT_STARTED})
_NOTHING_KNOWN = frozenset({CANCELLED, "Unavailable", "Timeout", "NotSupported"})


class RebootParams(OnServer):
    """Parameters of a reboot."""

    hard: bool = False


def _own(run: Run[Any]) -> frozenset[TaskState]:
    """Return what this reboot may clear: a hard one may be waiting behind a soft one."""
    return _OWN if run.params.hard else _SOFT


def _send(run: Run[RebootParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.reboot(key, guest_of(run, PowerState.RUNNING), run.params.hard)


def _done(run: Run[RebootParams]) -> None:
    built = run.outputs.get("reboot")
    power = built.power_state if isinstance(built, GuestBuilt) else PowerState.RUNNING
    settle(run, _own(run), vm_state=VmState.ACTIVE, power_state=power)


def _failed(run: Run[RebootParams], failure: Failure) -> None:
    dead = {} if failure.kind in _NOTHING_KNOWN else {"vm_state": VmState.ERROR}
    settle(run, _own(run), **dead, **faults(run, failure))


REBOOT = Flow(
    "reboot",
    RebootParams,
    (
        Remote(
            "reboot",
            at_host,
            _send,
            output=GuestBuilt,
            event="compute_reboot_instance",
            deadline=900.0,
            retries=RETRIES,
        ),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
