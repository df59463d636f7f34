"""Rebuild: replace a server's root disk where it is; one that was stopped stays stopped.

What else was ordered (name, image, key and so on) is in the row since the rebuild was accepted. There is no
way back from a replaced disk: a rebuild that fails leaves the server in ERROR, from where it can be rebuilt.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.errors import Conflict
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
    row_of,
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
    """Go on, unless the server has left the host since: nothing is to be made there then."""
    if row_of(run).host != run.params.host:
        raise Conflict(f"Instance {run.params.uuid} has left the host on which it was to be rebuilt.")
    go_on(run, _OWN, TaskState.REBUILD_SPAWNING)


def _send(run: Run[RebuildParams], agent: ComputeAgent, key: StepKey) -> None:
    stopped = run.params.was is VmState.STOPPED
    power = PowerState.SHUTDOWN if stopped else PowerState.RUNNING
    agent.rebuild(key, new_guest_of(run, power), run.params.preserve_ephemeral)


def _end(run: Run[RebuildParams], state: VmState, **changes: Any) -> None:
    """Leave the server in a state; one that had left the host stays what it was."""
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None:
            if seen.host == run.params.host:
                changes["vm_state"] = state
            notes = without_password(seen)
            instance_update(tx, seen, **idle(seen, _OWN), system_metadata=notes, **changes)


def _done(run: Run[RebuildParams]) -> None:
    power = run.output("rebuild", GuestBuilt).power_state
    state = VmState.STOPPED if run.params.was is VmState.STOPPED else VmState.ACTIVE
    _end(run, state, power_state=power, launched_at=run.svc.clock.now(), fault=None, progress=0)


def _failed(run: Run[RebuildParams], failure: Failure) -> None:
    _end(run, VmState.ERROR, **faults(run, failure))


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
