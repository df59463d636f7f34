"""What this host says of itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from compute_service.domain.host import GuestState, HostFacts
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.capabilities import HostCapabilities
from compute_service.virt.libvirt.definition import owner_of
from compute_service.virt.libvirt.live_records import comers
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import OFF
from compute_service.virt.libvirt.storage.qcow2 import virtual_bytes
from compute_service.virt.libvirt.traits import traits_of
from compute_service.virt.libvirt.xml.owner import Server

GIB = 1 << 30
HYPERVISORS = {"qemu": "qemu", "kvm": "kvm", "lxc": "lxc", "xen": "xen"}
"""The scheduler's word for a type of guest."""


def guests(parts: Parts) -> list[GuestState]:
    """Return every guest of ours, but for those that still arrive from another host."""
    expected = comers(parts.instances, parts.host)
    return [
        GuestState(uuid=state.uuid, power_state=state.power)
        for state in parts.connection.domains()
        if state.uuid not in expected and owner_of(parts, state.uuid) is not None
    ]


def facts(parts: Parts) -> HostFacts:
    """Return the host's size, what guests of ours take of it, and what it can do."""
    node = parts.connection.node()
    owners = _owners(parts)
    servers = [server for server, _ in owners]
    space = parts.disks.space()
    return HostFacts(
        hypervisor_type=node.hypervisor,
        hypervisor_version=node.version,
        hypervisor_hostname=node.hostname,
        vcpus=node.cpus,
        memory_mb=node.memory_mb,
        local_gb=space.total // GIB,
        vcpus_used=sum(server.vcpus for server in servers),
        memory_mb_used=parts.settings.default.reserved_host_memory_mb + sum(s.memory_mb for s in servers),
        local_gb_used=sum(server.disk_gb for server in servers),
        disk_available_least=(space.free - promised(parts)) // GIB,
        cpu_info=_cpu_info(parts.hosts.capabilities()),
        supported_instances=_supported(parts.hosts.capabilities()),
        traits=traits_of(parts),
        uptime=_uptime(sum(power not in OFF for _, power in owners)),
    )


def _owners(parts: Parts) -> list[tuple[Server, PowerState]]:
    found = []
    for state in parts.connection.domains():
        server = owner_of(parts, state.uuid)
        if server is not None:
            found.append((server, state.power))
    return found


def promised(parts: Parts) -> int:
    """Return how many bytes disks may still grow by."""
    return sum(
        max(promised - file.stat().st_blocks * 512, 0)
        for file, promised in _disk_files(parts.instances)
        if file.exists()
    )


def _disk_files(instances: Path) -> Iterable[tuple[Path, int]]:
    """Yield each guest's disk with the size that its guest sees."""
    for file in instances.glob("*/disk*"):
        if not file.name.endswith(".part"):
            yield file, virtual_bytes(file)


def _cpu_info(capabilities: HostCapabilities) -> dict[str, Any]:
    cpu = capabilities.cpu
    found: dict[str, Any] = {"arch": cpu.arch, "features": [feature.name for feature in cpu.features]}
    if cpu.model:
        found["model"] = cpu.model
    if cpu.vendor:
        found["vendor"] = cpu.vendor
    if cpu.topology is not None:
        shape = cpu.topology
        found["topology"] = {
            "cells": max(len(capabilities.cells), 1),
            "sockets": shape.sockets,
            "cores": shape.cores,
            "threads": shape.threads,
        }
    return found


def _supported(capabilities: HostCapabilities) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        sorted(
            {
                (guest.arch, HYPERVISORS[domain], guest.os_type)
                for guest in capabilities.guests
                for domain in guest.domains
                if domain in HYPERVISORS
            }
        )
    )


def _uptime(running: int) -> str | None:
    """Return what uptime(1) would say, with the number of running guests as its users."""
    try:
        seconds = int(float(Path("/proc/uptime").read_text().split()[0]))
        loads = Path("/proc/loadavg").read_text().split()[:3]
    except (OSError, ValueError, IndexError):
        return None
    days, rest = divmod(seconds, 86_400)
    hours, minutes = divmod(rest // 60, 60)
    long = f"{days} days, " if days else ""
    return f"up {long}{hours:2d}:{minutes:02d},  {running} users,  load average: {', '.join(loads)}"
