"""Simple tenant usage: what the servers of projects took in a period, in hours of each resource.

Source: Compute API reference, os-simple-tenant-usage.
"""

from __future__ import annotations

from datetime import datetime

from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.store.instances import InstanceQuery
from compute_service.store.servers import server_page

_HOUR = 3600.0


class ServerUse(Record):
    """What one server took."""

    server: Instance
    hours: float
    started_at: datetime
    ended_at: datetime | None
    uptime: int
    """Seconds from its start to its end or to now, whatever the period."""
    state: str
    """`terminated`, or the server's state."""


class ProjectUse(Record):
    """What the servers of one project took in a period."""

    project_id: str
    start: datetime
    stop: datetime
    servers: tuple[ServerUse, ...]

    @property
    def hours(self) -> float:
        """Hours of servers."""
        return sum(one.hours for one in self.servers)

    @property
    def vcpu_hours(self) -> float:
        """Hours times virtual CPUs."""
        return sum(one.hours * one.server.flavor.vcpus for one in self.servers)

    @property
    def memory_mb_hours(self) -> float:
        """Hours times megabytes of memory."""
        return sum(one.hours * one.server.flavor.memory_mb for one in self.servers)

    @property
    def disk_gb_hours(self) -> float:
        """Hours times gigabytes of root and ephemeral disks."""
        return sum(one.hours * _disk(one.server) for one in self.servers)


def _disk(server: Instance) -> int:
    return server.flavor.root_gb + server.flavor.ephemeral_gb


def project_uses(
    ctx: Context,
    svc: Services,
    period: tuple[datetime, datetime],
    project_id: str | None = None,
    marker: str | None = None,
    limit: int | None = None,
) -> list[ProjectUse]:
    """Return what projects (or one) took in a period, for one page of servers, oldest first.

    `marker` is the UUID of the last server of the page before. Raises Invalid for an empty period or an
    unknown marker.
    """
    start, stop = period
    if start >= stop:
        raise Invalid("Invalid start time. The start time cannot occur after the end time.")
    query = InstanceQuery(
        project_id=project_id,
        deleted=None,
        active_between=period,
        sort_keys=("launched_at",),
        sort_dirs=("asc",),
        marker=marker,
        limit=limit,
    )
    page = [one.instance for one in server_page(svc.store, query).servers]
    now = svc.clock.now()
    by_project: dict[str, list[ServerUse]] = {}
    for server in page:
        by_project.setdefault(server.project_id, []).append(_use(server, start, stop, now))
    return [
        ProjectUse(project_id=project, start=start, stop=stop, servers=tuple(uses))
        for project, uses in by_project.items()
    ]


def _use(server: Instance, start: datetime, stop: datetime, now: datetime) -> ServerUse:
    launched = server.launched_at or server.created_at
    ended = server.terminated_at
    seconds = (min(ended or stop, stop, now) - max(launched, start)).total_seconds()
    return ServerUse(
        server=server,
        hours=max(seconds, 0.0) / _HOUR,
        started_at=launched,
        ended_at=ended,
        uptime=int(((ended or now) - launched).total_seconds()),
        state=server.vm_state.value if ended is None else "terminated",
    )
