"""[fake]: the hypervisor that only pretends, for trying the service and for tests. Our own section."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Fake(Section):
    """Options of the section [fake]."""

    hosts: int = opt(1, "How many hosts one nova-compute poses as.", min=1, max=10000)
    host_prefix: str = opt("fake-", "What the names of those hosts begin with, when there are several.")
    vcpus: int = opt(1000, "CPUs of a host.", min=1)
    memory_mb: int = opt(800000, "Megabytes of memory of a host.", min=1)
    local_gb: int = opt(600000, "Gigabytes of disk of a host.", min=1)
    latency: float = opt(0.0, "Seconds each piece of work takes.", min=0.0)
    exchange_path: str = opt(
        "$state_path/exchange",
        "The directory through which hosts hand each other guests; those of different processes need a "
        "common one for that.",
    )
    failure_rate: float = opt(0.0, "The share of builds that fail, from 0 to 1.", min=0.0, max=1.0)
