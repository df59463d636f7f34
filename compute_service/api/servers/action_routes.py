"""The rows of what is done to servers: `POST /servers/{server_id}/action`."""

from __future__ import annotations

from compute_service.api.policies import server_actions as policy
from compute_service.api.servers import action_bodies as bodies
from compute_service.api.servers import power
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
    Act("lock", power.lock, policy.LOCK, until="2.72"),
    Act("lock", power.lock, policy.LOCK, body=bodies.Lock, optional=True, since="2.73"),
    Act("unlock", power.unlock, policy.UNLOCK),
    Act("os-resetState", power.reset_state, policy.RESET_STATE, body=bodies.ResetState),
)
