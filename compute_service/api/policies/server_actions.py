"""Permissions of what is done to servers."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:servers:"


def _act(name: str, grant: Grant, about: str, *actions: str) -> Rule:
    return Rule(name, grant, about, tuple(f"POST /servers/{{server_id}}/action ({act})" for act in actions))


CONFIRM_RESIZE = _act(f"{_P}confirm_resize", Grant.MEMBER, "Confirm a resize.", "confirmResize")
REVERT_RESIZE = _act(f"{_P}revert_resize", Grant.MEMBER, "Revert a resize.", "revertResize")
REBOOT = _act(f"{_P}reboot", Grant.MEMBER, "Reboot a server.", "reboot")
RESIZE = _act(f"{_P}resize", Grant.MEMBER, "Resize a server.", "resize")
CROSS_CELL_RESIZE = _act(
    "compute:servers:resize:cross_cell", Grant.NOBODY, "Resize a server into another cell.", "resize"
)
REBUILD = _act(f"{_P}rebuild", Grant.MEMBER, "Rebuild a server.", "rebuild")
REBUILD_TRUSTED_CERTS = _act(
    f"{_P}rebuild:trusted_certs", Grant.MEMBER, "Change a server's certificates in a rebuild.", "rebuild"
)
CREATE_IMAGE = _act(f"{_P}create_image", Grant.MEMBER, "Make an image of a server.", "createImage")
CREATE_IMAGE_VOLUME_BACKED = _act(
    f"{_P}create_image:allow_volume_backed",
    Grant.MEMBER,
    "Make an image of a server whose root disk is a volume.",
    "createImage",
)
START = _act(f"{_P}start", Grant.MEMBER, "Start a server.", "os-start")
STOP = _act(f"{_P}stop", Grant.MEMBER, "Stop a server.", "os-stop")
RESET_STATE = _act(
    "os_compute_api:os-admin-actions:reset_state", Grant.ADMIN, "Set a server's state.", "os-resetState"
)
INJECT_NETWORK_INFO = _act(
    "os_compute_api:os-admin-actions:inject_network_info",
    Grant.ADMIN,
    "Have a server's addresses looked up anew.",
    "injectNetworkInfo",
)
CONSOLE_OUTPUT = _act(
    "os_compute_api:os-console-output", Grant.MEMBER, "Read a server's console log.", "os-getConsoleOutput"
)
RESTORE = _act(
    "os_compute_api:os-deferred-delete:restore",
    Grant.MEMBER,
    "Bring back a server that waits to be deleted.",
    "restore",
)
FORCE_DELETE = _act(
    "os_compute_api:os-deferred-delete:force", Grant.MEMBER, "Delete a server at once.", "forceDelete"
)
LOCK = _act("os_compute_api:os-lock-server:lock", Grant.MEMBER, "Lock a server.", "lock")
UNLOCK = _act("os_compute_api:os-lock-server:unlock", Grant.MEMBER, "Unlock a server.", "unlock")
UNLOCK_OVERRIDE = _act(
    "os_compute_api:os-lock-server:unlock:unlock_override",
    Grant.ADMIN,
    "Unlock a server that somebody else locked.",
    "unlock",
)
MIGRATE = _act("os_compute_api:os-migrate-server:migrate", Grant.MANAGER, "Cold migrate a server.", "migrate")
MIGRATE_HOST = _act(
    "os_compute_api:os-migrate-server:migrate:host",
    Grant.ADMIN,
    "Cold migrate a server to a named host.",
    "migrate",
)
MIGRATE_LIVE = _act(
    "os_compute_api:os-migrate-server:migrate_live",
    Grant.MANAGER,
    "Move a server to another host while it runs.",
    "os-migrateLive",
)
MIGRATE_LIVE_HOST = _act(
    "os_compute_api:os-migrate-server:migrate_live:host",
    Grant.ADMIN,
    "Move a server to a named host while it runs.",
    "os-migrateLive",
)
PAUSE = _act("os_compute_api:os-pause-server:pause", Grant.MEMBER, "Pause a server.", "pause")
UNPAUSE = _act("os_compute_api:os-pause-server:unpause", Grant.MEMBER, "Unpause a server.", "unpause")
SUSPEND = _act("os_compute_api:os-suspend-server:suspend", Grant.MEMBER, "Suspend a server.", "suspend")
RESUME = _act("os_compute_api:os-suspend-server:resume", Grant.MEMBER, "Resume a server.", "resume")
RESCUE = _act("os_compute_api:os-rescue", Grant.MEMBER, "Boot a server from another disk.", "rescue")
UNRESCUE = _act(
    "os_compute_api:os-unrescue", Grant.MEMBER, "Boot a rescued server from its own disk again.", "unrescue"
)
CHANGE_PASSWORD = _act(
    "os_compute_api:os-admin-password",
    Grant.MEMBER,
    "Change the password of the administrator of a server's guest.",
    "changePassword",
)
CRASH_DUMP = _act(
    f"{_P}trigger_crash_dump", Grant.MEMBER, "Have a server's guest dump its memory.", "trigger_crash_dump"
)
EVACUATE = _act(
    "os_compute_api:os-evacuate",
    Grant.ADMIN,
    "Make a server anew, whose host has failed, elsewhere.",
    "evacuate",
)
CREATE_BACKUP = _act(
    "os_compute_api:os-create-backup",
    Grant.MEMBER,
    "Make an image of a server and remove older ones.",
    "createBackup",
)
_S = "os_compute_api:os-shelve:"
SHELVE = _act(f"{_S}shelve", Grant.MEMBER, "Shelve a server.", "shelve")
UNSHELVE = _act(f"{_S}unshelve", Grant.MEMBER, "Unshelve a server.", "unshelve")
UNSHELVE_TO_HOST = _act(
    f"{_S}unshelve_to_host", Grant.ADMIN, "Unshelve a server onto a named host.", "unshelve"
)
SHELVE_OFFLOAD = _act(
    f"{_S}shelve_offload", Grant.ADMIN, "Take a shelved server from its host.", "shelveOffload"
)

RULES = rules_in(globals())
