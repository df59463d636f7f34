"""What filters and weighers are shown: the wish (`Ask`) and a host as it would be now (`HostView`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compute_service.config.settings import Settings
from compute_service.domain.request import PlacementRequest
from compute_service.ports.placement import Candidate
from compute_service.scheduler.fleet import Fleet, Host

PropertyCounts = Mapping[str, Mapping[tuple[str, str], int]]
"""Host → (image property, value) → how many servers on it have it."""


@dataclass(slots=True)
class HostView:
    """A host with what is free on it, all picks that are not visible elsewhere yet counted in."""

    host: Host
    candidates: list[Candidate]
    """The ways in which it can take one server."""
    memory_mb: float = 0.0
    vcpus: float = 0.0
    disk_gb: float = 0.0
    instances: int = 0
    busy: int = 0
    """Servers being built, moved or copied."""

    def attribute(self, path: list[str]) -> Any:
        """Return what an operator's expression means by a name, such as `cpu_info:arch`, or None."""
        read = _ATTRIBUTES.get(path[0])
        found = read(self) if read else self.host.record.facts.stats.get(path[0])
        for name in path[1:]:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


_ATTRIBUTES: dict[str, Callable[[HostView], Any]] = {
    "host": lambda view: view.host.name,
    "nodename": lambda view: view.host.node,
    "uuid": lambda view: view.host.uuid,
    "host_ip": lambda view: view.host.record.host_ip,
    "hypervisor_type": lambda view: view.host.record.facts.hypervisor_type,
    "hypervisor_version": lambda view: view.host.record.facts.hypervisor_version,
    "hypervisor_hostname": lambda view: view.host.node,
    "cpu_info": lambda view: view.host.record.facts.cpu_info,
    "supported_instances": lambda view: view.host.record.facts.supported_instances,
    "metrics": lambda view: view.host.record.facts.metrics,
    "stats": lambda view: view.host.record.facts.stats,
    "total_usable_ram_mb": lambda view: view.host.record.facts.memory_mb,
    "total_usable_disk_gb": lambda view: view.host.record.facts.local_gb,
    "vcpus_total": lambda view: view.host.record.facts.vcpus,
    "vcpus_used": lambda view: view.host.record.facts.vcpus_used,
    "disk_mb_used": lambda view: view.host.record.facts.local_gb_used * 1024,
    "free_ram_mb": lambda view: view.memory_mb,
    "free_disk_mb": lambda view: view.disk_gb * 1024,
    "num_instances": lambda view: view.instances,
    "num_io_ops": lambda view: view.busy,
    "cpu_allocation_ratio": lambda view: view.host.record.cpu_allocation_ratio,
    "ram_allocation_ratio": lambda view: view.host.record.ram_allocation_ratio,
    "disk_allocation_ratio": lambda view: view.host.record.disk_allocation_ratio,
}
"""The names that `capabilities:*` specs and the hint `query` may use, beside those of a host's stats."""


def _no_counts() -> PropertyCounts:
    return {}


@dataclass(slots=True)
class Ask:
    """One request with all that it is judged by. `members` changes while its servers are being placed."""

    request: PlacementRequest
    settings: Settings
    fleet: Fleet
    now: float
    """Epoch seconds."""
    members: Counter[str] = field(default_factory=Counter)
    """Host → how many members of the request's group it has, servers of this request included."""
    held: Mapping[str, str] = field(default_factory=dict)
    """The servers that the hints `same_host` and `different_host` name → the host each is on."""
    image_properties: Callable[[], PropertyCounts] = _no_counts


Test = Callable[[HostView], str | None]
"""Returns why a host is refused, in words that hold for every such host, or None."""
Filter = Callable[[Ask], Test | None]
"""Looks at a request once and returns the test that each host is put to, or None when all pass."""
Score = Callable[[HostView], float]
Weigher = Callable[[Ask], Score | None]
"""Looks at a request once and returns how a host is scored, or None when that makes no difference."""
