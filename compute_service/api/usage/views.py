"""What usage looks like in an answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.links import Link
from compute_service.api.shape import View, since
from compute_service.api.times import stamp, stamp_or_none
from compute_service.control.tenant_usage import ProjectUse, ServerUse


class ServerUsage(View):
    """What one server took."""

    instance_id: str
    name: str
    tenant_id: str
    flavor: str
    hours: float
    local_gb: int
    memory_mb: int
    vcpus: int
    started_at: str
    ended_at: str | None
    state: str
    uptime: int


class ProjectUsage(View):
    """What one project took."""

    tenant_id: str
    start: str
    stop: str
    total_hours: float
    total_local_gb_usage: float
    total_memory_mb_usage: float
    total_vcpus_usage: float
    server_usages: list[ServerUsage] | UnsetType = UNSET


class Usages(View):
    """GET /os-simple-tenant-usage."""

    tenant_usages: list[ProjectUsage]
    tenant_usages_links: Annotated[list[Link] | UnsetType, since("2.40")] = UNSET


class EmptyUsage(View):
    """A project of which there is nothing to tell."""


class Usage(View):
    """GET /os-simple-tenant-usage/{project_id}."""

    tenant_usage: ProjectUsage | EmptyUsage
    tenant_usage_links: Annotated[list[Link] | UnsetType, since("2.40")] = UNSET


def server_usage(use: ServerUse) -> ServerUsage:
    """Return what a server took."""
    server = use.server
    return ServerUsage(
        instance_id=server.uuid,
        name=server.display_name,
        tenant_id=server.project_id,
        flavor=server.flavor.name,
        hours=use.hours,
        local_gb=server.flavor.root_gb + server.flavor.ephemeral_gb,
        memory_mb=server.flavor.memory_mb,
        vcpus=server.flavor.vcpus,
        started_at=stamp(use.started_at),
        ended_at=stamp_or_none(use.ended_at),
        state=use.state,
        uptime=use.uptime,
    )


def project_usage(use: ProjectUse, detailed: bool) -> ProjectUsage:
    """Return what a project took, with its servers if asked."""
    return ProjectUsage(
        tenant_id=use.project_id,
        start=stamp(use.start),
        stop=stamp(use.stop),
        total_hours=use.hours,
        total_local_gb_usage=use.disk_gb_hours,
        total_memory_mb_usage=use.memory_mb_hours,
        total_vcpus_usage=use.vcpu_hours,
        server_usages=[server_usage(one) for one in use.servers] if detailed else UNSET,
    )
