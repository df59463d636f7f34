"""Backup: a snapshot of a server that is one of a row; the oldest of the row go when there are too many.

Once the newest is whole there is no way back, whatever becomes of the others. A row of none takes no
snapshot.
"""

from __future__ import annotations

import logging

from compute_service.domain.errors import Conflict, Forbidden
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import SnapshotRequest
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import TaskState
from compute_service.flows.kinds.server import OnServer, at_host, faults, go_on, no_way_back, settle
from compute_service.flows.kinds.snapshot import IMAGE_SECONDS, Made, is_made
from compute_service.flows.step import Flow, Remote, Run, Step, Wait

LOG = logging.getLogger(__name__)

_OWN = frozenset({TaskState.IMAGE_BACKUP, TaskState.IMAGE_PENDING_UPLOAD, TaskState.IMAGE_UPLOADING})


class BackupParams(OnServer):
    """Parameters of a backup."""

    backup_type: str
    rotation: int
    """How many backups of this type the server may have."""
    image_id: str | None = None
    disk_format: str | None = None


def properties_of(server: str, backup_type: str) -> dict[str, str]:
    """Return the properties by which the backups of a server are known."""
    return {"image_type": "backup", "backup_type": backup_type, "instance_uuid": server}


def _is_made(run: Run[BackupParams]) -> Made | None:
    return Made(status="none") if run.params.image_id is None else is_made(run)


def _begin(run: Run[BackupParams]) -> None:
    go_on(run, _OWN, TaskState.IMAGE_UPLOADING)


def _to_host(run: Run[BackupParams]) -> tuple[str, str] | None:
    return None if run.params.image_id is None else at_host(run)


def _snapshot(run: Run[BackupParams], agent: ComputeAgent, key: StepKey) -> None:
    params = run.params
    request = SnapshotRequest(
        uuid=params.uuid, image_id=params.image_id or "", disk_format=params.disk_format
    )
    agent.snapshot(key, request)


def _rotate(run: Run[BackupParams]) -> None:
    """Remove the oldest backups; those that their owner protects stay and count."""
    found = run.svc.images.find(properties_of(run.params.uuid, run.params.backup_type))
    # The image service's moments are whole seconds: this one is the newest whatever they say.
    known = sorted(found, key=lambda image: image.id != run.params.image_id)
    for image in known[run.params.rotation :]:
        try:
            run.svc.images.delete(image.id)
        except (Forbidden, Conflict) as error:
            LOG.warning("backup %s of server %s stays: %s", image.id, run.params.uuid, error.message)


def _done(run: Run[BackupParams]) -> None:
    settle(run, _OWN)


def _failed(run: Run[BackupParams], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))
    if run.params.image_id is not None:
        run.svc.images.delete(run.params.image_id)


def _stuck(run: Run[BackupParams], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))


BACKUP = Flow(
    "backup",
    BackupParams,
    (
        Wait("image", _is_made, output=Made, deadline=IMAGE_SECONDS),
        Step("begin", _begin),
        Remote("snapshot", _to_host, _snapshot, event="compute_backup_instance", deadline=6 * 3600.0),
        Step("no way back", no_way_back, pivot=True),
        Step("rotate", _rotate),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_stuck,
)
