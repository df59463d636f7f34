"""What a fake host says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from compute_service.domain.host import HostFacts
from compute_service.domain.states import PowerState
from compute_service.virt.fake.guest import FakeGuest

VERSION = 1000
TRAITS: tuple[str, ...] = (
    "COMPUTE_ARCH_X86_64",
    "COMPUTE_IMAGE_TYPE_AKI",
    "COMPUTE_IMAGE_TYPE_AMI",
    "COMPUTE_IMAGE_TYPE_ARI",
    "COMPUTE_IMAGE_TYPE_ISO",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_IMAGE_TYPE_VDI",
    "COMPUTE_IMAGE_TYPE_VMDK",
)
RESERVED_MEMORY_MB = 512
"""What the host itself uses."""


@dataclass(frozen=True, slots=True)
class HostSize:
    """What a fake host has."""

    vcpus: int = 1000
    memory_mb: int = 800_000
    local_gb: int = 600_000


def facts_of(host: str, size: HostSize, guests: Sequence[FakeGuest], up: timedelta) -> HostFacts:
    """Return the facts of a host of this size with these guests."""
    local_gb = sum(guest.local_gb for guest in guests)
    running = sum(guest.power is PowerState.RUNNING for guest in guests)
    hours, minutes = divmod(int(up.total_seconds()) // 60, 60)
    return HostFacts(
        hypervisor_type="fake",
        hypervisor_version=VERSION,
        hypervisor_hostname=host,
        vcpus=size.vcpus,
        memory_mb=size.memory_mb,
        local_gb=size.local_gb,
        vcpus_used=sum(guest.vcpus for guest in guests),
        memory_mb_used=RESERVED_MEMORY_MB + sum(guest.memory_mb for guest in guests),
        local_gb_used=local_gb,
        disk_available_least=size.local_gb - local_gb,
        cpu_info={
            "arch": "x86_64",
            "vendor": "Stratus",
            "model": "fake",
            "features": ["fpu", "sse2"],
            "topology": {"sockets": 1, "cores": size.vcpus, "threads": 1},
        },
        supported_instances=(("x86_64", "fake", "hvm"), ("i686", "fake", "hvm")),
        traits=TRAITS,
        uptime=f"up {hours}:{minutes:02d},  0 users,  load average: " + ", ".join([f"{running:.2f}"] * 3),
    )
