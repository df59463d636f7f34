"""Hosts and services: what runs where, what it has, and whether it is alive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from compute_service.domain.record import Record
from compute_service.domain.states import PowerState

CELL0 = "00000000-0000-0000-0000-000000000000"
"""The cell of servers that found no host."""


class Cell(Record):
    """A cell mapping: where a cell's database and message bus are."""

    uuid: str
    name: str | None = None
    transport_url: str
    database_connection: str
    disabled: bool = False
    id: int = 0


class Service(Record):
    """A daemon that reports in. It is up when seen within `service_down_time` and not forced down."""

    uuid: str
    host: str
    binary: str
    topic: str
    cell: str = CELL0
    id: int = 0
    report_count: int = 0
    last_seen_up: datetime | None = None
    disabled: bool = False
    disabled_reason: str | None = None
    forced_down: bool = False
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ResourceInventory(Record):
    """One resource class on a provider, with placement's terms."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int
    step_size: int = 1
    allocation_ratio: float = 1.0


class HostFacts(Record):
    """What a hypervisor says of the host it runs on. Memory in MB, disks in GB."""

    hypervisor_type: str
    hypervisor_version: int
    hypervisor_hostname: str
    vcpus: int
    memory_mb: int
    local_gb: int
    vcpus_used: int = 0
    memory_mb_used: int = 0
    local_gb_used: int = 0
    disk_available_least: int | None = None
    cpu_info: dict[str, Any] = {}
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    """(architecture, hypervisor type, vm mode)."""
    traits: tuple[str, ...] = ()
    uptime: str | None = None
    """The text of uptime(1) on the host."""
    metrics: dict[str, float] = {}
    stats: dict[str, Any] = {}
    """`failed_builds`, `io_workload` and any capability keys that filters match."""


class ComputeNode(Record):
    """A hypervisor as the service keeps it; `uuid` is also its resource provider's."""

    uuid: str
    service_uuid: str
    host: str
    facts: HostFacts
    cell: str
    host_ip: str | None = None
    id: int = 0
    mapped: bool = False
    running_vms: int = 0
    cpu_allocation_ratio: float = 4.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    created_at: datetime | None = None
    updated_at: datetime | None = None


class GuestState(Record):
    """What a hypervisor says of one guest."""

    uuid: str
    power_state: PowerState


class HostRegistration(Record):
    """What an agent says of itself when it starts and when its facts change."""

    host: str
    node_uuid: str
    service_uuid: str
    facts: HostFacts
    host_ip: str | None = None
    version: int = 0
    capabilities: tuple[str, ...] = ()
    """Names of the optional hypervisor Protocols that this host's driver implements."""


class HostReport(Record):
    """A heartbeat: the host is alive, and these guests changed power state since the last one."""

    host: str
    power: tuple[GuestState, ...] = ()
    facts: HostFacts | None = None
    """Only when they changed."""


class ServerOnHost(Record):
    """What the conductor believes to be on a host; the agent compares it with its guests."""

    uuid: str
    vm_state: str
    task_state: str | None
    power_state: int
    deleted: bool = False
