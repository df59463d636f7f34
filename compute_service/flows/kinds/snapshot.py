"""Snapshot: upload a server's root disk into an image record that was made for it."""

from __future__ import annotations

from typing import Any

from compute_service.domain.errors import NotFound, Unavailable
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import SnapshotRequest
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.states import TaskState
from compute_service.flows.kinds.server import OnServer, at_host, faults, go_on, settle
from compute_service.flows.step import Flow, Remote, Run, Step, Wait

_OWN = frozenset(
    {
        TaskState.IMAGE_SNAPSHOT_PENDING,
        TaskState.IMAGE_SNAPSHOT,
        TaskState.IMAGE_PENDING_UPLOAD,
        TaskState.IMAGE_UPLOADING,
    }
)


IMAGE_SECONDS = 40.0
"""Seconds for which an image is awaited that whoever asked for the snapshot makes; a later one is removed."""


class SnapshotParams(OnServer):
    """Parameters of a snapshot."""

    image_id: str
    disk_format: str | None = None


class Made(Record):
    """The image that is to be filled is there."""

    status: str


def is_made(run: Run[Any]) -> Made | None:
    """Return the image of a flow's parameters once it is there to be filled."""
    try:
        return Made(status=run.svc.images.show(run.params.image_id).status)
    except (NotFound, Unavailable):
        return None


def _begin(run: Run[SnapshotParams]) -> None:
    go_on(run, _OWN, TaskState.IMAGE_UPLOADING)


def _send(run: Run[SnapshotParams], agent: ComputeAgent, key: StepKey) -> None:
    request = SnapshotRequest(
        uuid=run.params.uuid, image_id=run.params.image_id, disk_format=run.params.disk_format
    )
    agent.snapshot(key, request)


def _done(run: Run[SnapshotParams]) -> None:
    settle(run, _OWN)


def _failed(run: Run[SnapshotParams], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))
    run.svc.images.delete(run.params.image_id)


SNAPSHOT = Flow(
    "snapshot",
    SnapshotParams,
    (
        Wait("image", is_made, output=Made, deadline=IMAGE_SECONDS),
        Step("begin", _begin),
        Remote("snapshot", at_host, _send, event="compute_snapshot_instance", deadline=6 * 3600.0),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
