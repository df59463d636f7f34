"""The words for what a server is and what is being done to it, and the status a user sees.

Source: Compute API guide, "Server Concepts": status, OS-EXT-STS:vm_state, task_state and power_state.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class VmState(StrEnum):
    """The stable state of a server."""

    BUILDING = "building"
    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    RESCUED = "rescued"
    RESIZED = "resized"
    SOFT_DELETED = "soft-delete"
    DELETED = "deleted"
    ERROR = "error"
    SHELVED = "shelved"
    SHELVED_OFFLOADED = "shelved_offloaded"


class TaskState(StrEnum):
    """What is being done to a server now; no task state means idle."""

    SCHEDULING = "scheduling"
    BLOCK_DEVICE_MAPPING = "block_device_mapping"
    NETWORKING = "networking"
    SPAWNING = "spawning"
    IMAGE_SNAPSHOT_PENDING = "image_snapshot_pending"
    IMAGE_SNAPSHOT = "image_snapshot"
    IMAGE_PENDING_UPLOAD = "image_pending_upload"
    IMAGE_UPLOADING = "image_uploading"
    IMAGE_BACKUP = "image_backup"
    UPDATING_PASSWORD = "updating_password"  # noqa: S105
    RESIZE_PREP = "resize_prep"
    RESIZE_MIGRATING = "resize_migrating"
    RESIZE_MIGRATED = "resize_migrated"
    RESIZE_FINISH = "resize_finish"
    RESIZE_REVERTING = "resize_reverting"
    RESIZE_CONFIRMING = "resize_confirming"
    REBOOTING = "rebooting"
    REBOOT_PENDING = "reboot_pending"
    REBOOT_STARTED = "reboot_started"
    REBOOTING_HARD = "rebooting_hard"
    REBOOT_PENDING_HARD = "reboot_pending_hard"
    REBOOT_STARTED_HARD = "reboot_started_hard"
    PAUSING = "pausing"
    UNPAUSING = "unpausing"
    SUSPENDING = "suspending"
    RESUMING = "resuming"
    POWERING_OFF = "powering-off"
    POWERING_ON = "powering-on"
    RESCUING = "rescuing"
    UNRESCUING = "unrescuing"
    REBUILDING = "rebuilding"
    REBUILD_BLOCK_DEVICE_MAPPING = "rebuild_block_device_mapping"
    REBUILD_SPAWNING = "rebuild_spawning"
    MIGRATING = "migrating"
    DELETING = "deleting"
    SOFT_DELETING = "soft-deleting"
    RESTORING = "restoring"
    SHELVING = "shelving"
    SHELVING_IMAGE_PENDING_UPLOAD = "shelving_image_pending_upload"
    SHELVING_IMAGE_UPLOADING = "shelving_image_uploading"
    SHELVING_OFFLOADING = "shelving_offloading"
    UNSHELVING = "unshelving"


class PowerState(IntEnum):
    """What the hypervisor says of the guest."""

    NOSTATE = 0
    RUNNING = 1
    PAUSED = 3
    SHUTDOWN = 4
    CRASHED = 6
    SUSPENDED = 7


_RESIZE = (
    TaskState.RESIZE_PREP,
    TaskState.RESIZE_MIGRATING,
    TaskState.RESIZE_MIGRATED,
    TaskState.RESIZE_FINISH,
)
_REBUILD = (TaskState.REBUILDING, TaskState.REBUILD_BLOCK_DEVICE_MAPPING, TaskState.REBUILD_SPAWNING)
_REBOOT = (TaskState.REBOOTING, TaskState.REBOOT_PENDING, TaskState.REBOOT_STARTED)
_REBOOT_HARD = (TaskState.REBOOTING_HARD, TaskState.REBOOT_PENDING_HARD, TaskState.REBOOT_STARTED_HARD)

_DEFAULT_STATUS: dict[VmState, str] = {
    VmState.BUILDING: "BUILD",
    VmState.ACTIVE: "ACTIVE",
    VmState.PAUSED: "PAUSED",
    VmState.SUSPENDED: "SUSPENDED",
    VmState.STOPPED: "SHUTOFF",
    VmState.RESCUED: "RESCUE",
    VmState.RESIZED: "VERIFY_RESIZE",
    VmState.SOFT_DELETED: "SOFT_DELETED",
    VmState.DELETED: "DELETED",
    VmState.ERROR: "ERROR",
    VmState.SHELVED: "SHELVED",
    VmState.SHELVED_OFFLOADED: "SHELVED_OFFLOADED",
}

_TASK_STATUS: dict[tuple[VmState, TaskState], str] = {
    **{(VmState.ACTIVE, task): "REBOOT" for task in _REBOOT},
    **{(VmState.ACTIVE, task): "HARD_REBOOT" for task in _REBOOT_HARD},
    **{(vm, task): "REBUILD" for vm in (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR) for task in _REBUILD},
    **{(vm, task): "RESIZE" for vm in (VmState.ACTIVE, VmState.STOPPED) for task in _RESIZE},
    (VmState.ACTIVE, TaskState.UPDATING_PASSWORD): "PASSWORD",
    (VmState.ACTIVE, TaskState.MIGRATING): "MIGRATING",
    (VmState.PAUSED, TaskState.MIGRATING): "MIGRATING",
    (VmState.RESIZED, TaskState.RESIZE_REVERTING): "REVERT_RESIZE",
}


def status_of(vm_state: VmState, task_state: TaskState | None) -> str:
    """Return the API status for a pair of states."""
    if task_state is not None:
        override = _TASK_STATUS.get((vm_state, task_state))
        if override is not None:
            return override
    return _DEFAULT_STATUS[vm_state]


def states_of(status: str) -> list[tuple[VmState, TaskState | None]] | None:
    """Return the pairs of states that show as `status` (any case), or None when no such status exists.

    A pair whose second part is None stands for the vm_state with any task state that has no status of
    its own; see `status_of`.
    """
    wanted = status.upper()
    pairs: list[tuple[VmState, TaskState | None]] = [
        (vm, None) for vm, name in _DEFAULT_STATUS.items() if name == wanted
    ]
    pairs.extend((vm, task) for (vm, task), name in _TASK_STATUS.items() if name == wanted)
    return pairs or None


def overriding_tasks(vm_state: VmState) -> tuple[TaskState, ...]:
    """Return the task states that give `vm_state` a status other than its default."""
    return tuple(task for vm, task in _TASK_STATUS if vm is vm_state)


STATUSES: tuple[str, ...] = tuple(sorted({*_DEFAULT_STATUS.values(), *_TASK_STATUS.values(), "UNKNOWN"}))
"""Every status the API can show."""
