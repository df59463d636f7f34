"""What a server uses of its host. Source: Compute API reference, "Servers diagnostics"."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from compute_service.api.request import Request
from compute_service.api.shape import FreeView, View
from compute_service.control import console
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.guest import Diagnostics, DiskCounters, NicCounters


class OldDiagnostics(FreeView):
    """Counters as each hypervisor named them, until 2.47."""


class Memory(View):
    """Memory in MB."""

    maximum: int | None
    used: int | None


class Cpu(View):
    """A processor: `time` in nanoseconds, `utilisation` in percent."""

    id: int | None
    time: int | None
    utilisation: int | None = None


class Disk(View):
    """A disk."""

    read_bytes: int | None = None
    read_requests: int | None = None
    write_bytes: int | None = None
    write_requests: int | None = None
    errors_count: int | None = None


class Nic(View):
    """A network interface."""

    mac_address: str | None
    rx_octets: int | None = None
    rx_errors: int | None = None
    rx_drop: int | None = None
    rx_packets: int | None = None
    rx_rate: int | None = None
    tx_octets: int | None = None
    tx_errors: int | None = None
    tx_drop: int | None = None
    tx_packets: int | None = None
    tx_rate: int | None = None


class DiagnosticsView(View):
    """The counters in one form for every hypervisor, from 2.48 on. `uptime` in seconds."""

    state: str
    driver: str
    hypervisor: str | None
    hypervisor_os: str | None
    uptime: int | None
    config_drive: bool
    num_cpus: int
    num_nics: int
    num_disks: int
    memory_details: Memory
    cpu_details: list[Cpu]
    disk_details: list[Disk]
    nic_details: list[Nic]


_OLD_DISK = {
    "read_req": "read_requests",
    "read": "read_bytes",
    "write_req": "write_requests",
    "write": "write_bytes",
    "errors": "errors_count",
}
_OLD_NIC = {
    "rx": "rx_octets",
    "rx_packets": "rx_packets",
    "rx_errors": "rx_errors",
    "rx_drop": "rx_drop",
    "tx": "tx_octets",
    "tx_packets": "tx_packets",
    "tx_errors": "tx_errors",
    "tx_drop": "tx_drop",
}
"""How the flat list calls counters of the device whose name goes before."""


def show_old(ctx: Context, svc: Services, req: Request) -> OldDiagnostics:
    """Show counters as a flat list."""
    found = console.diagnostics(ctx, svc, req.server)
    items: dict[str, Any] = {f"cpu{number}_time": time for number, time in enumerate(found.cpu_times_ns)}
    if found.memory_maximum is not None:
        items["memory"] = found.memory_maximum * 1024
    devices: tuple[DiskCounters | NicCounters, ...] = (*found.disks, *found.nics)
    for one in devices:
        words = _OLD_DISK if isinstance(one, DiskCounters) else _OLD_NIC
        counted = ((word, getattr(one, name)) for word, name in words.items())
        items |= {f"{one.name}_{word}": count for word, count in counted if count is not None}
    return OldDiagnostics(items=items)


def show(ctx: Context, svc: Services, req: Request) -> DiagnosticsView:
    """Show counters; what the hypervisor does not count is null."""
    found = console.diagnostics(ctx, svc, req.server)
    return DiagnosticsView(
        state=found.state,
        driver=found.driver,
        hypervisor=found.hypervisor,
        hypervisor_os=found.hypervisor_os,
        uptime=found.uptime,
        config_drive=found.config_drive,
        num_cpus=found.num_cpus,
        num_nics=found.num_nics,
        num_disks=found.num_disks,
        memory_details=Memory(maximum=found.memory_maximum, used=found.memory_used),
        cpu_details=_cpus(found),
        disk_details=[Disk(**_counters(one)) for one in found.disks] or [Disk()] * found.num_disks,
        nic_details=[Nic(**_counters(one)) for one in found.nics]
        or [Nic(mac_address=vif.mac) for vif in req.server.instance.vifs],
    )


def _cpus(found: Diagnostics) -> list[Cpu]:
    use = found.cpu_utilisation or (None,) * len(found.cpu_times_ns)
    pairs = zip(found.cpu_times_ns, use, strict=True)
    return [Cpu(id=number, time=time, utilisation=share) for number, (time, share) in enumerate(pairs)]


def _counters(one: DiskCounters | NicCounters) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(one).items() if name != "name"}
