"""What hypervisors look like in an answer. Source: Compute API reference, "Hypervisors"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.links import Link
from compute_service.api.shape import View, since
from compute_service.api.versions import change
from compute_service.control.hypervisors import Hypervisor
from compute_service.domain.instance import instance_name

CPU_INFO_IS_AN_OBJECT = change("2.28")
UUIDS = change("2.53")
EMPTY_SERVERS_ARE_SHOWN = change("2.75")


class ServerOn(View):
    """A server of a hypervisor: its name there and its UUID."""

    name: str
    uuid: str


class HypervisorBrief(View):
    """A hypervisor in a list."""

    id: int | str
    hypervisor_hostname: str
    state: Literal["up", "down"]
    status: Literal["enabled", "disabled"]
    servers: list[ServerOn] | UnsetType = UNSET


class HypervisorList(View):
    """GET /os-hypervisors."""

    hypervisors: list[HypervisorBrief]
    hypervisors_links: Annotated[list[Link] | UnsetType, since("2.33")] = UNSET


class HypervisorUptime(HypervisorBrief):
    """A hypervisor with its host's uptime."""

    uptime: str | None


class UptimeShown(View):
    """GET /os-hypervisors/{hypervisor_id}/uptime."""

    hypervisor: HypervisorUptime


class HostService(View):
    """The compute service of a hypervisor."""

    id: int | str
    host: str
    disabled_reason: str | None


class HypervisorView(HypervisorBrief):
    """A hypervisor with its details. Memory in MB, disks in GB."""

    hypervisor_type: str
    hypervisor_version: int
    host_ip: str | None
    service: HostService
    cpu_info: Annotated[str | dict[str, Any] | UnsetType, since("2.1", until="2.87")] = UNSET
    vcpus: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    vcpus_used: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    memory_mb: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    memory_mb_used: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    free_ram_mb: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    local_gb: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    local_gb_used: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    free_disk_gb: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    disk_available_least: Annotated[int | UnsetType | None, since("2.1", until="2.87")] = UNSET
    current_workload: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    running_vms: Annotated[int | UnsetType, since("2.1", until="2.87")] = UNSET
    uptime: Annotated[str | UnsetType | None, since("2.88")] = UNSET


class HypervisorDetails(View):
    """GET /os-hypervisors/detail."""

    hypervisors: list[HypervisorView]
    hypervisors_links: Annotated[list[Link] | UnsetType, since("2.33")] = UNSET


class HypervisorShown(View):
    """GET /os-hypervisors/{hypervisor_id}."""

    hypervisor: HypervisorView


class Statistics(View):
    """What all enabled hypervisors have and use together."""

    count: int
    vcpus: int
    vcpus_used: int
    memory_mb: int
    memory_mb_used: int
    free_ram_mb: int
    local_gb: int
    local_gb_used: int
    free_disk_gb: int
    disk_available_least: int
    current_workload: int
    running_vms: int


class StatisticsShown(View):
    """GET /os-hypervisors/statistics."""

    hypervisor_statistics: Statistics


@dataclass(frozen=True, slots=True)
class Look:
    """How hypervisors are shown to one request."""

    version: int
    name_template: str
    """`[DEFAULT]instance_name_template`"""
    with_servers: bool = False


def _brief(found: Hypervisor, look: Look) -> dict[str, Any]:
    servers: list[ServerOn] | UnsetType = UNSET
    if look.with_servers and (found.servers or look.version >= EMPTY_SERVERS_ARE_SHOWN):
        servers = [
            ServerOn(name=instance_name(server, look.name_template), uuid=server.uuid)
            for server in found.servers
        ]
    return {
        "id": found.node.uuid if look.version >= UUIDS else found.node.id,
        "hypervisor_hostname": found.node.facts.hypervisor_hostname,
        "state": "up" if found.up else "down",
        "status": "disabled" if found.service.disabled else "enabled",
        "servers": servers,
    }


def brief(found: Hypervisor, look: Look) -> HypervisorBrief:
    """Return a hypervisor for a list."""
    return HypervisorBrief(**_brief(found, look))


def uptime(found: Hypervisor, look: Look, text: str | None) -> UptimeShown:
    """Return a hypervisor with its host's uptime."""
    return UptimeShown(hypervisor=HypervisorUptime(**_brief(found, look), uptime=text))


def whole(found: Hypervisor, look: Look) -> HypervisorView:
    """Return a hypervisor with its details."""
    node, facts = found.node, found.node.facts
    cpu_info: str | dict[str, Any] = facts.cpu_info
    if look.version < CPU_INFO_IS_AN_OBJECT:
        cpu_info = msgspec.json.encode(facts.cpu_info).decode() if facts.cpu_info else ""
    return HypervisorView(
        **_brief(found, look),
        **{name: value for name, value in figures(found).items() if name != "disk_available_least"},
        disk_available_least=facts.disk_available_least,
        hypervisor_type=facts.hypervisor_type,
        hypervisor_version=facts.hypervisor_version,
        host_ip=node.host_ip,
        service=HostService(
            id=found.service.uuid if look.version >= UUIDS else found.service.id,
            host=found.service.host,
            disabled_reason=found.service.disabled_reason,
        ),
        cpu_info=cpu_info,
        uptime=facts.uptime if found.up else None,
    )


def figures(found: Hypervisor) -> dict[str, Any]:
    """Return what a hypervisor has and uses."""
    facts = found.node.facts
    return {
        "vcpus": facts.vcpus,
        "vcpus_used": facts.vcpus_used,
        "memory_mb": facts.memory_mb,
        "memory_mb_used": facts.memory_mb_used,
        "free_ram_mb": facts.memory_mb - facts.memory_mb_used,
        "local_gb": facts.local_gb,
        "local_gb_used": facts.local_gb_used,
        "free_disk_gb": facts.local_gb - facts.local_gb_used,
        "disk_available_least": facts.disk_available_least or 0,
        "current_workload": int(facts.stats.get("io_workload", 0)),
        "running_vms": int(facts.stats.get("running_vms", found.node.running_vms)),
    }


def statistics(every: list[Hypervisor]) -> StatisticsShown:
    """Return what hypervisors have and use together."""
    rows = [figures(found) for found in every]
    names = [name for name in Statistics.__struct_fields__ if name != "count"]
    sums = {name: sum(row[name] for row in rows) for name in names}
    return StatisticsShown(hypervisor_statistics=Statistics(count=len(rows), **sums))
