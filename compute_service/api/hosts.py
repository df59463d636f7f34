"""The status of every compute host, known from one look at all cells every few seconds.

Servers show it (`host_status`, microversion 2.16); asking per server would cost a statement for each.
"""

from __future__ import annotations

import threading
import time
from typing import Literal

from compute_service.control.liveness import COMPUTE, is_up
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.host import Service
from compute_service.store.services import service_list

HostStatus = Literal["UP", "DOWN", "MAINTENANCE", "UNKNOWN", ""]


class HostStatuses:
    """A cached map of host to status. Safe to share between threads."""

    FRESH = 5.0
    """Seconds for which a look is believed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked_at = -self.FRESH
        self._statuses: dict[str, HostStatus] = {}

    def known(self, svc: Services) -> dict[str, HostStatus]:
        """Return the status by host. A host that is not in it has no compute service: its status is ""."""
        with self._lock:
            if time.monotonic() - self._looked_at < self.FRESH:
                return self._statuses
        answers = svc.store.fan_out(lambda tx: service_list(tx, binary=COMPUTE))
        found = {
            service.host: status_of_service(service, svc)
            for answer in answers.values()
            if not isinstance(answer, ComputeError)
            for service in answer
        }
        with self._lock:
            self._statuses, self._looked_at = found, time.monotonic()
        return found


def status_of_service(service: Service, svc: Services) -> HostStatus:
    """Return a compute service's status as servers show it."""
    if service.forced_down:
        return "DOWN"
    if service.disabled:
        return "MAINTENANCE"
    alive = is_up(service, svc.clock.now(), svc.settings.default.service_down_time)
    return "UP" if alive else "UNKNOWN"
