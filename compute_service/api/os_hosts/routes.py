"""The rows of hosts."""

from __future__ import annotations

from compute_service.api.os_hosts import bodies, handlers, views
from compute_service.api.policies import hosts as policy
from compute_service.api.table import Get, Put, Route

_ALL, _ONE, _LAST = "/os-hosts", "/os-hosts/{host}", "2.42"

ROUTES: tuple[Route, ...] = (
    Get(_ALL, handlers.index, policy.LIST, query=bodies.HostQuery, reply=views.HostList, until=_LAST),
    Get(_ONE, handlers.show, policy.SHOW, reply=views.HostShown, until=_LAST),
    Put(_ONE, handlers.update, policy.UPDATE, body=bodies.HostUpdate, status=501, until=_LAST),
    Get(f"{_ONE}/startup", handlers.turn, policy.START, status=501, until=_LAST),
    Get(f"{_ONE}/shutdown", handlers.turn, policy.SHUTDOWN, status=501, until=_LAST),
    Get(f"{_ONE}/reboot", handlers.turn, policy.REBOOT, status=501, until=_LAST),
)
