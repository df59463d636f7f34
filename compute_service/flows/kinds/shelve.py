"""Shelve: stop a server and upload its root disk, so that it can leave its host.

Where servers are not to stay on their hosts, the offload follows at once as a flow of its own. A failure
leaves no image; a server that ran is started again, and one whose memory is gone is stopped.
"""

from __future__ import annotations

import uuid
from typing import Any

from compute_service.control.bell import ring
from compute_service.domain.errors import InvalidState
from compute_service.domain.flow import Failure, FlowKey, StepKey
from compute_service.domain.guest import GuestBuilt, SnapshotRequest
from compute_service.domain.instance import Instance
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import (
    OnServer,
    at_host,
    faults,
    go_on,
    guest_of,
    idle,
    row_of,
)
from compute_service.flows.kinds.shelved import notes_shelved, remove_image, shelved_image
from compute_service.flows.kinds.snapshot import IMAGE_SECONDS, Made, is_made
from compute_service.flows.kinds.stop import shutdown_timeout
from compute_service.flows.step import Flow, Remote, Run, Step, Wait
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.store.instances import instance_get, instance_update

OWN = frozenset(
    {TaskState.SHELVING, TaskState.SHELVING_IMAGE_PENDING_UPLOAD, TaskState.SHELVING_IMAGE_UPLOADING}
)
_MEMORY_GONE = frozenset({VmState.PAUSED, VmState.SUSPENDED})


class ShelveParams(OnServer):
    """Parameters of a shelving."""

    was: VmState
    image_id: str
    disk_format: str | None = None


class Begun(Record):
    """The guest is about to be stopped."""

    was: VmState


def offload_id(shelving: str) -> str:
    """Return the id of the offload that follows a shelving at once."""
    return str(uuid.uuid5(uuid.UUID(shelving), "offload"))


def _begin(run: Run[ShelveParams]) -> Begun:
    seen = row_of(run)
    if seen.host != run.params.host:
        raise InvalidState(seen.uuid, "shelve", "host", str(seen.host))
    return Begun(was=run.params.was)


def _power_off(run: Run[ShelveParams], agent: ComputeAgent, key: StepKey) -> None:
    seconds = shutdown_timeout(row_of(run), run.svc.settings.default.shutdown_timeout)
    agent.power_off(key, run.params.uuid, seconds)


def _power_on(run: Run[ShelveParams], agent: ComputeAgent, key: StepKey) -> None:
    """Start what ran; of others be sure that it is off."""
    if run.params.was is VmState.ACTIVE:
        agent.power_on(key, guest_of(run, PowerState.RUNNING))
    else:
        agent.power_off(key, run.params.uuid, 0)


def _uploading(run: Run[ShelveParams]) -> None:
    go_on(run, OWN, TaskState.SHELVING_IMAGE_UPLOADING)


def _snapshot(run: Run[ShelveParams], agent: ComputeAgent, key: StepKey) -> None:
    request = SnapshotRequest(
        uuid=run.params.uuid, image_id=run.params.image_id, disk_format=run.params.disk_format
    )
    agent.snapshot(key, request)


def _done(run: Run[ShelveParams]) -> None:
    leaves = run.svc.settings.default.shelved_offload_time == 0
    flow = new_flow(
        "shelve_offload",
        OnServer(uuid=run.params.uuid, host=run.params.host),
        Origin.like(run.flow),
        instance_uuid=run.params.uuid,
        after=run.flow.id,
        flow_id=offload_id(run.flow.id),
    )
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is None or shelved_image(seen) == run.params.image_id:
            return  # Said before.
        old = shelved_image(seen)
        leaves = leaves and seen.task_state in OWN
        instance_update(
            tx,
            seen,
            **({"task_state": TaskState.SHELVING_OFFLOADING} if leaves else idle(seen, OWN)),
            vm_state=VmState.SHELVED,
            power_state=PowerState.SHUTDOWN,
            progress=0,
            fault=None,
            system_metadata=notes_shelved(seen, run.params.image_id, run.svc.clock.now()),
        )
        if leaves:
            submit(tx, flow)
    if old is not None:
        remove_image(run, old)  # The server's state was reset after it was shelved before.
    if leaves:
        ring(run.svc, FlowKey(database=run.key.database, flow_id=flow.id))


def _failed(run: Run[ShelveParams], failure: Failure) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None and seen.vm_state is run.params.was:
            instance_update(tx, seen, **idle(seen, OWN), **_left_as(run, seen), **faults(run, failure))
        elif seen is not None:
            instance_update(tx, seen, **idle(seen, OWN), **faults(run, failure))
    run.svc.images.delete(run.params.image_id)


def _left_as(run: Run[ShelveParams], seen: Instance) -> dict[str, Any]:
    """Return the state of a server whose guest was stopped and cannot have its memory back."""
    if run.params.was in _MEMORY_GONE and "begin" in run.outputs:
        return {"vm_state": VmState.STOPPED, "power_state": PowerState.SHUTDOWN}
    return {}


SHELVE = Flow(
    "shelve",
    ShelveParams,
    (
        Wait("image", is_made, output=Made, deadline=IMAGE_SECONDS),
        Step("begin", _begin, output=Begun),
        Remote(
            "power off",
            at_host,
            _power_off,
            _power_on,
            output=GuestBuilt,
            event="compute_shelve_instance",
            deadline=900.0,
            retries=2,
        ),
        Step("uploading", _uploading),
        Remote("snapshot", at_host, _snapshot, deadline=6 * 3600.0),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
