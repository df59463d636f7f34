"""THE table: what may be done to a server, when, and what happens then.

`control/act.py` admits by it, the API's action routes name its rows, the reference page and its state
diagram are printed from it. States are those of the Compute API guide, "Server Concepts".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compute_service.domain.errors import InvalidState, Locked, NotReady
from compute_service.domain.instance import Instance
from compute_service.domain.states import TaskState, VmState


@dataclass(frozen=True, slots=True)
class Action:
    """One row: who is let in, what shows while it runs, which flow does it."""

    name: str
    """As in os-instance-actions."""
    flow: str | None
    """The kind of flow, a module of `flows.kinds`; None: a database write, no flow."""
    allowed: frozenset[VmState] | None = None
    """Server states that let it in; None: any."""
    during: TaskState | None = None
    """The task state while the flow runs."""
    tasks: frozenset[TaskState] | None = frozenset()
    """Task states beside idle that let it in; None: any."""
    lockable: bool = True
    """Refused on a locked server to those who are not admin."""
    launched: bool = True
    """Refused to a server that never booted."""
    on_host: bool = False
    """Refused to a server without a host."""
    host_up: bool = False
    """Refused while the server's host is down."""
    pending: bool = True
    """Shown in os-instance-actions from the moment it is accepted."""

    def check(self, server: Instance, is_admin: bool) -> None:
        """Refuse with the field's own words when the server's state does not let this in.

        Raises Locked, InvalidState or NotReady. Whether the host is up is the caller's to check.
        """
        if self.lockable and server.locked and not is_admin:
            raise Locked(server.uuid)
        if self.allowed is not None and server.vm_state not in self.allowed:
            raise InvalidState(server.uuid, self.name, "vm_state", server.vm_state)
        if self.tasks is not None and server.task_state is not None and server.task_state not in self.tasks:
            raise InvalidState(server.uuid, self.name, "task_state", server.task_state)
        if self.launched and server.launched_at is None:
            raise InvalidState(server.uuid, self.name, "launched_at", "None")
        if self.on_host and server.host is None:
            raise NotReady(server.uuid)


def _states(*states: VmState) -> frozenset[VmState]:
    return frozenset(states)


ACTIVE, STOPPED, PAUSED = VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED
SUSPENDED, RESIZED, ERROR = VmState.SUSPENDED, VmState.RESIZED, VmState.ERROR
RESCUED = VmState.RESCUED

_SETTLED = _states(ACTIVE, STOPPED, PAUSED, SUSPENDED)
_DURING_HARD_REBOOT = frozenset(
    {
        TaskState.REBOOTING,
        TaskState.REBOOT_PENDING,
        TaskState.REBOOT_STARTED,
        TaskState.REBOOTING_HARD,
        TaskState.RESUMING,
        TaskState.UNPAUSING,
        TaskState.PAUSING,
        TaskState.SUSPENDING,
    }
)

_ROWS: tuple[tuple[str, Action], ...] = (
    (
        "create",
        Action("create", "build", during=TaskState.SCHEDULING, tasks=None, lockable=False, launched=False),
    ),
    ("delete", Action("delete", "delete", during=TaskState.DELETING, tasks=None, launched=False)),
    ("force_delete", Action("delete", "delete", during=TaskState.DELETING, tasks=None, launched=False)),
    ("soft_delete", Action("delete", "soft_delete", during=TaskState.SOFT_DELETING, tasks=None)),
    ("restore", Action("restore", "restore", _states(VmState.SOFT_DELETED), TaskState.RESTORING)),
    ("start", Action("start", "start", _states(STOPPED), TaskState.POWERING_ON, on_host=True, host_up=True)),
    (
        "stop",
        Action("stop", "stop", _states(ACTIVE, ERROR), TaskState.POWERING_OFF, on_host=True, host_up=True),
    ),
    ("reboot_soft", Action("reboot", "reboot", _states(ACTIVE), TaskState.REBOOTING)),
    (
        "reboot_hard",
        Action(
            "reboot",
            "reboot",
            _states(ACTIVE, STOPPED, PAUSED, SUSPENDED, ERROR),
            TaskState.REBOOTING_HARD,
            tasks=_DURING_HARD_REBOOT,
            on_host=True,
        ),
    ),
    ("pause", Action("pause", "pause", _states(ACTIVE), TaskState.PAUSING)),
    ("unpause", Action("unpause", "unpause", _states(PAUSED), TaskState.UNPAUSING)),
    ("suspend", Action("suspend", "suspend", _states(ACTIVE), TaskState.SUSPENDING)),
    ("resume", Action("resume", "resume", _states(SUSPENDED), TaskState.RESUMING)),
    (
        "rebuild",
        Action("rebuild", "rebuild", _states(ACTIVE, STOPPED, ERROR), TaskState.REBUILDING, on_host=True),
    ),
    (
        "resize",
        Action(
            "resize", "resize", _states(ACTIVE, STOPPED), TaskState.RESIZE_PREP, on_host=True, host_up=True
        ),
    ),
    (
        "migrate",
        Action(
            "migrate", "resize", _states(ACTIVE, STOPPED), TaskState.RESIZE_PREP, on_host=True, host_up=True
        ),
    ),
    ("confirm_resize", Action("confirmResize", "confirm_resize", _states(RESIZED))),
    ("revert_resize", Action("revertResize", "revert_resize", _states(RESIZED), TaskState.RESIZE_REVERTING)),
    (
        "create_image",
        Action("createImage", "snapshot", _SETTLED, TaskState.IMAGE_SNAPSHOT_PENDING, lockable=False),
    ),
    (
        "rescue",
        Action(
            "rescue",
            "rescue",
            _states(ACTIVE, STOPPED, ERROR),
            TaskState.RESCUING,
            on_host=True,
            host_up=True,
        ),
    ),
    (
        "unrescue",
        Action("unrescue", "unrescue", _states(RESCUED), TaskState.UNRESCUING, on_host=True, host_up=True),
    ),
    ("change_password", Action("changePassword", None, _states(ACTIVE), on_host=True, host_up=True)),
    (
        "crash_dump",
        Action(
            "trigger_crash_dump",
            None,
            _states(ACTIVE, PAUSED, RESCUED, RESIZED, ERROR),
            on_host=True,
            host_up=True,
        ),
    ),
    (
        "live_migrate",
        Action("live-migration", "live_migrate", _states(ACTIVE, PAUSED), TaskState.MIGRATING, on_host=True),
    ),
    (
        "force_complete",
        Action(
            "live_migration_force_complete",
            None,
            _states(ACTIVE),
            tasks=frozenset({TaskState.MIGRATING}),
            launched=False,
        ),
    ),
    (
        "abort",
        Action(
            "live_migration_cancel",
            None,
            tasks=frozenset({TaskState.MIGRATING}),
            lockable=False,
            launched=False,
        ),
    ),
    (
        "evacuate",
        Action(
            "evacuate",
            "evacuate",
            _states(ACTIVE, STOPPED, ERROR),
            TaskState.REBUILDING,
            tasks=frozenset(TaskState) - {TaskState.DELETING, TaskState.SOFT_DELETING},
            lockable=False,
            on_host=True,
        ),
    ),
    (
        "attach_interface",
        Action("attach_interface", "attach_interface", _states(ACTIVE, PAUSED, STOPPED), on_host=True),
    ),
    (
        "detach_interface",
        Action("detach_interface", "detach_interface", _states(ACTIVE, PAUSED, STOPPED), on_host=True),
    ),
    ("create_backup", Action("createBackup", "backup", _SETTLED, TaskState.IMAGE_BACKUP, lockable=False)),
    ("shelve", Action("shelve", "shelve", _SETTLED, TaskState.SHELVING, on_host=True)),
    (
        "shelve_offload",
        Action(
            "shelveOffload",
            "shelve_offload",
            _states(VmState.SHELVED),
            TaskState.SHELVING_OFFLOADING,
            on_host=True,
        ),
    ),
    (
        "unshelve",
        Action(
            "unshelve",
            "unshelve",
            _states(VmState.SHELVED, VmState.SHELVED_OFFLOADED),
            TaskState.UNSHELVING,
        ),
    ),
    (
        "unshelve_offloaded",
        Action("unshelve", "unshelve_offloaded", _states(VmState.SHELVED_OFFLOADED), TaskState.UNSHELVING),
    ),
    ("reset_state", Action("resetState", None, tasks=None, lockable=False, launched=False)),
    ("lock", Action("lock", None, tasks=None, lockable=False, launched=False)),
    ("unlock", Action("unlock", None, tasks=None, lockable=False, launched=False)),
    (
        "console_output",
        Action("get_console_output", None, tasks=None, lockable=False, launched=False, on_host=True),
    ),
    (
        "remote_console",
        Action(
            "get_remote_console",
            None,
            tasks=frozenset(TaskState) - {TaskState.DELETING, TaskState.MIGRATING},
            lockable=False,
            launched=False,
            on_host=True,
        ),
    ),
    ("update_metadata", Action("update metadata", None, _SETTLED, tasks=None, launched=False)),
    ("delete_metadata", Action("delete metadata", None, _SETTLED, tasks=None, launched=False)),
    ("update_tags", Action("update_tags", None, _SETTLED, tasks=None, lockable=False, launched=False)),
    ("delete_tags", Action("delete_tags", None, _SETTLED, tasks=None, lockable=False, launched=False)),
)

ACTIONS: dict[str, Action] = dict(_ROWS)
"""Key → row. A key is what this code calls it; `Action.name` is what users see."""


def exits(state: VmState) -> Iterable[str]:
    """Return the keys of the actions that let a server in `state` in; never empty for a living server."""
    return (key for key, action in ACTIONS.items() if action.allowed is None or state in action.allowed)
