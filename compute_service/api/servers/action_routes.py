"""The rows of what is done to servers: `POST /servers/{server_id}/action`."""

from __future__ import annotations

from compute_service.api.policies import consoles as console_policy
from compute_service.api.policies import server_actions as policy
from compute_service.api.servers import action_bodies as bodies
from compute_service.api.servers import change, consoles, evacuation, moves, power, rescue, shelving
from compute_service.api.servers.views import Rebuilt
from compute_service.api.table import Act, Route, actions

ROUTES: tuple[Route, ...] = actions(
    "/servers/{server_id}/action",
    Act("os-start", power.start, policy.START),
    Act("os-stop", power.stop, policy.STOP),
    Act("reboot", power.reboot, policy.REBOOT, body=bodies.Reboot),
    Act("pause", power.pause, policy.PAUSE),
    Act("unpause", power.unpause, policy.UNPAUSE),
    Act("suspend", power.suspend, policy.SUSPEND),
    Act("resume", power.resume, policy.RESUME),
    Act(
        "rescue",
        rescue.rescue,
        policy.RESCUE,
        body=bodies.Rescue,
        optional=True,
        reply=bodies.RescueBegun,
        status=200,
    ),
    Act("unrescue", rescue.unrescue, policy.UNRESCUE),
    Act("changePassword", rescue.change_password, policy.CHANGE_PASSWORD, body=bodies.ChangePassword),
    Act("trigger_crash_dump", rescue.crash_dump, policy.CRASH_DUMP, since="2.17"),
    Act("lock", power.lock, policy.LOCK, until="2.72"),
    Act("lock", power.lock, policy.LOCK, body=bodies.Lock, optional=True, since="2.73"),
    Act("unlock", power.unlock, policy.UNLOCK),
    Act("os-resetState", power.reset_state, policy.RESET_STATE, body=bodies.ResetState),
    Act("injectNetworkInfo", power.inject_network_info, policy.INJECT_NETWORK_INFO),
    Act("rebuild", change.rebuild, policy.REBUILD, body=bodies.Rebuild, reply=Rebuilt),
    Act("forceDelete", change.force_delete, policy.FORCE_DELETE),
    Act("restore", change.restore, policy.RESTORE),
    Act("resize", moves.resize, policy.RESIZE, body=bodies.Resize),
    Act("confirmResize", moves.confirm_resize, policy.CONFIRM_RESIZE, status=204),
    Act("revertResize", moves.revert_resize, policy.REVERT_RESIZE),
    Act("migrate", moves.migrate, policy.MIGRATE, until="2.55"),
    Act("migrate", moves.migrate, policy.MIGRATE, body=bodies.Migrate, optional=True, since="2.56"),
    Act("os-migrateLive", moves.migrate_live, policy.MIGRATE_LIVE, body=bodies.MigrateLive),
    Act("createImage", moves.create_image, policy.CREATE_IMAGE, body=bodies.CreateImage, until="2.44"),
    Act(
        "createImage",
        moves.create_image,
        policy.CREATE_IMAGE,
        body=bodies.CreateImage,
        reply=bodies.ImageCreated,
        since="2.45",
    ),
    Act(
        "evacuate",
        evacuation.evacuate,
        policy.EVACUATE,
        body=bodies.Evacuate,
        reply=bodies.EvacuatedPassword,
        status=200,
        until="2.13",
    ),
    Act("evacuate", evacuation.evacuate, policy.EVACUATE, body=bodies.Evacuate, status=200, since="2.14"),
    Act("createBackup", moves.create_backup, policy.CREATE_BACKUP, body=bodies.CreateBackup, until="2.44"),
    Act(
        "createBackup",
        moves.create_backup,
        policy.CREATE_BACKUP,
        body=bodies.CreateBackup,
        reply=bodies.ImageCreated,
        since="2.45",
    ),
    Act("shelve", shelving.shelve, policy.SHELVE),
    Act("shelveOffload", shelving.shelve_offload, policy.SHELVE_OFFLOAD),
    Act("unshelve", shelving.unshelve, policy.UNSHELVE, until="2.76"),
    Act("unshelve", shelving.unshelve, policy.UNSHELVE, body=bodies.Unshelve, optional=True, since="2.77"),
    Act(
        "os-getConsoleOutput",
        moves.console_output,
        policy.CONSOLE_OUTPUT,
        body=bodies.ConsoleOutput,
        reply=bodies.ConsoleText,
        status=200,
    ),
    *(
        Act(
            f"os-get{name}Console",
            handler,
            console_policy.REMOTE,
            body=body,
            reply=consoles.ConsoleShown,
            status=200,
            until="2.5",
        )
        for name, handler, body in (
            ("VNC", consoles.vnc, consoles.VncConsole),
            ("SPICE", consoles.spice, consoles.SpiceConsole),
            ("Serial", consoles.serial, consoles.SerialConsole),
        )
    ),
)
