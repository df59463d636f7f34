"""What hosts look like in an answer. Source: Compute API reference, "Hosts"."""

from __future__ import annotations

from compute_service.api.shape import View


class HostBrief(View):
    """One service of a host."""

    host_name: str
    service: str
    zone: str


class HostList(View):
    """GET /os-hosts."""

    hosts: list[HostBrief]


class Resource(View):
    """A part of a host; `project` says whose."""

    host: str
    project: str
    cpu: int
    memory_mb: int
    disk_gb: int


class ResourceOf(View):
    """A part of a host, wrapped."""

    resource: Resource


class HostShown(View):
    """GET /os-hosts/{host}."""

    host: list[ResourceOf]
