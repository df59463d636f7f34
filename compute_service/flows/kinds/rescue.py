"""Rescue: boot a server from another disk, with its own beside it, so that these can be mended.

When it fails, the server is what it was: its guest is started from its own disk again, unless it was not
well before.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.image import Image
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import (
    OnServer,
    at_host,
    change,
    faults,
    guest_of,
    idle,
    new_guest_of,
    without_password,
)
from compute_service.flows.step import Flow, Remote, Run

_OWN = frozenset({TaskState.RESCUING})


class RescueParams(OnServer):
    """Parameters of a rescue."""

    was: VmState
    image: Image
    """What it is booted from."""


def _send(run: Run[RescueParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.rescue(key, new_guest_of(run, PowerState.RUNNING), run.params.image)


def _take_back(run: Run[RescueParams], agent: ComputeAgent, key: StepKey) -> None:
    if run.params.was is VmState.ERROR:
        agent.revoke(key, run.params.uuid)
        return
    off = run.params.was is VmState.STOPPED
    agent.unrescue(key, guest_of(run, PowerState.SHUTDOWN if off else PowerState.RUNNING))


def _end(run: Run[RescueParams], **changes: Any) -> None:
    change(run, lambda now: idle(now, _OWN) | {"system_metadata": without_password(now)} | changes)


def _done(run: Run[RescueParams]) -> None:
    power = run.output("rescue", GuestBuilt).power_state
    _end(run, vm_state=VmState.RESCUED, power_state=power, launched_at=run.svc.clock.now())


def _failed(run: Run[RescueParams], failure: Failure) -> None:
    _end(run, **faults(run, failure))


def _stuck(run: Run[RescueParams], failure: Failure) -> None:
    _end(run, vm_state=VmState.ERROR, **faults(run, failure))


RESCUE = Flow(
    "rescue",
    RescueParams,
    (
        Remote(
            "rescue",
            at_host,
            _send,
            undo=_take_back,
            output=GuestBuilt,
            event="compute_rescue_instance",
            deadline=1800.0,
            retries=1,
        ),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_stuck,
)
