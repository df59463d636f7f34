"""Whether daemons are alive, by the last sign of life in the store."""

from __future__ import annotations

from datetime import datetime, timedelta

from compute_service.control.services import Services
from compute_service.domain.errors import Conflict
from compute_service.domain.host import Service
from compute_service.store.services import service_find

COMPUTE = "nova-compute"


def is_up(service: Service, now: datetime, service_down_time: int) -> bool:
    """Tell whether a service was heard of within `service_down_time` seconds and is not forced down."""
    if service.forced_down:
        return False
    heard = service.last_seen_up or service.created_at
    return heard is not None and abs(now - heard) <= timedelta(seconds=service_down_time)


def host_is_up(svc: Services, cell: str, host: str) -> bool:
    """Tell whether a host's compute service is up. False for a host nobody knows."""
    with svc.store.database(cell).read() as tx:
        service = service_find(tx, host, COMPUTE)
    return service is not None and is_up(service, svc.clock.now(), svc.settings.default.service_down_time)


class SeenUp:
    """Tells whether hosts are up, and believes for a little while what it saw of one that was."""

    SECONDS = 2.0

    def __init__(self, svc: Services) -> None:
        self._svc = svc
        self._until: dict[tuple[str, str], float] = {}

    def __call__(self, cell: str, host: str) -> bool:
        """Tell whether a host of a cell is, or was just now, up."""
        now = self._svc.clock.time()
        if now < self._until.get((cell, host), 0.0):
            return True
        if not host_is_up(self._svc, cell, host):
            self._until.pop((cell, host), None)
            return False
        self._until[cell, host] = now + self.SECONDS
        return True


def host_must_be_up(svc: Services, cell: str, host: str) -> None:
    """Refuse when a host's compute service is down. Raises Conflict."""
    if not host_is_up(svc, cell, host):
        raise Conflict(f"Compute service of {host} is unavailable at this time.")
