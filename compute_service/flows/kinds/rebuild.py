"""Rebuild: replace a server's root disk where it is; one that was stopped stays stopped.

What else was ordered (name, image, key and so on) is in the row since the rebuild was accepted. There is no
way back from a replaced disk: a rebuild that fails leaves the server in ERROR, from where it can be rebuilt.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import (
    OnServer,
    at_host,
    faults,
    go_on,
    idle,
    new_guest_of,
    without_password,
)
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.store.instances import instance_get, instance_update

_OWN = frozenset({TaskState.REBUILDING, TaskState.REBUILD_BLOCK_DEVICE_MAPPING, TaskState.REBUILD_SPAWNING})


class RebuildParams(OnServer):
    """Parameters of a rebuild."""

    was: VmState
    preserve_ephemeral: bool = False


def _prepare(run: Run[RebuildParams]) -> None:
    go_on(run, _OWN, TaskState.REBUILD_SPAWNING)


def _send(run: Run[RebuildParams], agent: ComputeAgent, key: StepKey) -> None:
    stopped = run.params.was is VmState.STOPPED
    power = PowerState.SHUTDOWN if stopped else PowerState.RUNNING
    agent.rebuild(key, new_guest_of(run, power), run.params.preserve_ephemeral)


def _end(run: Run[RebuildParams], **changes: Any) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None:
            notes = without_password(seen)
            instance_update(tx, seen, **idle(seen, _OWN), system_metadata=notes, **changes)


def _done(run: Run[RebuildParams]) -> None:
    power = run.output("rebuild", GuestBuilt).power_state
    state = VmState.STOPPED if run.params.was is VmState.STOPPED else VmState.ACTIVE
    _end(run, vm_state=state, power_state=power, launched_at=run.svc.clock.now(), fault=None, progress=0)


def _failed(run: Run[RebuildParams], failure: Failure) -> None:
    _end(run, vm_state=VmState.ERROR, **faults(run, failure))


REBUILD = Flow(
    "rebuild",
    RebuildParams,
    (
        Step("prepare", _prepare, event="rebuild_server"),
        Remote(
            "rebuild",
            at_host,
            _send,
            output=GuestBuilt,
            event="compute_rebuild_instance",
            deadline=1800.0,
            retries=1,
        ),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
