"""Which flavor extra specs are known, and what values they take (checked from microversion 2.86 on).

A key without a namespace, or in a namespace that is not known, is an operator's own and passes.
Source: Compute documentation, "Extra Specs".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from compute_service.domain.errors import Invalid

Check = Callable[[str], bool]

_TRUTHS: Final = frozenset({"1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no"})
_CPUS = r"\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*"


def _any(value: str) -> bool:
    return True


def _truth(value: str) -> bool:
    return value.strip().lower() in _TRUTHS


def _whole(least: int | None = None, most: int | None = None) -> Check:
    def check(value: str) -> bool:
        if not re.fullmatch(r"-?\d+", value.strip()):
            return False
        number = int(value)
        return (least is None or number >= least) and (most is None or number <= most)

    return check


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _like(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


_RATE = _whole(0)
_NUMA_AFFINITY = _one_of("required", "preferred", "legacy", "socket")
_QUOTAS = (
    *(f"cpu_{name}" for name in ("shares", "period", "quota", "limit", "reservation", "shares_share")),
    *(f"disk_{way}_{what}_sec{long}" for way in ("read", "write", "total") for what in ("bytes", "iops")
      for long in ("", "_max", "_max_length")),
    "disk_io_limit", "disk_io_reservation", "disk_io_shares_share",
    "memory_limit", "memory_reservation", "memory_shares_share",
    *(f"vif_{way}_{what}" for way in ("inbound", "outbound") for what in ("average", "burst", "peak")),
    "vif_limit", "vif_reservation", "vif_shares_share",
)  # fmt: skip
_LEVELS = ("cpu_shares_level", "disk_io_shares_level", "memory_shares_level", "vif_shares_level")

_KNOWN: Final[dict[str, Check]] = {
    "accel:device_profile": _any,
    "hide_hypervisor_id": _truth,
    "group_policy": _one_of("none", "isolate"),
    "hw:boot_menu": _truth,
    "hw:cpu_dedicated_mask": _like(_CPUS),
    "hw:cpu_policy": _one_of("dedicated", "mixed", "shared"),
    "hw:cpu_realtime": _truth,
    "hw:cpu_realtime_mask": _like(_CPUS),
    "hw:cpu_thread_policy": _one_of("prefer", "isolate", "require"),
    **{
        f"hw:cpu_{most}{unit}": _whole(1) for most in ("", "max_") for unit in ("sockets", "cores", "threads")
    },
    "hw:emulator_threads_policy": _one_of("isolate", "share"),
    "hw:ephemeral_encryption": _truth,
    "hw:ephemeral_encryption_format": _one_of("luks"),
    "hw:hide_hypervisor_id": _truth,
    "hw:locked_memory": _truth,
    "hw:maxphysaddr_bits": _whole(1),
    "hw:maxphysaddr_mode": _one_of("passthrough", "emulate"),
    "hw:mem_encryption": _truth,
    "hw:mem_encryption_model": _one_of("amd-sev", "amd-sev-es"),
    "hw:mem_page_size": _like(r"large|small|any|\d+([kKMGT]i?)?(b|bit|B)?"),
    "hw:numa_nodes": _whole(1),
    "hw:pci_numa_affinity_policy": _NUMA_AFFINITY,
    "hw:pmem": _any,
    "hw:pmu": _truth,
    "hw:redirected_usb_ports": _whole(0, 15),
    "hw:serial_port_count": _whole(0),
    "hw:sound_model": _one_of(
        "sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"
    ),
    "hw:tpm_model": _one_of("tpm-crb", "tpm-tis"),
    "hw:tpm_secret_security": _one_of("user", "host", "deployment"),
    "hw:tpm_version": _one_of("1.2", "2.0"),
    "hw:usb_model": _any,
    "hw:vif_multiqueue_enabled": _truth,
    "hw:viommu_model": _one_of("auto", "intel", "smmuv3", "virtio"),
    "hw:virtio_packed_ring": _truth,
    "hw:watchdog_action": _one_of("none", "pause", "poweroff", "reset", "disabled"),
    "hw_rng:allowed": _truth,
    "hw_rng:rate_bytes": _whole(0),
    "hw_rng:rate_period": _whole(0),
    "hw_video:ram_max_mb": _whole(0),
    "os:secure_boot": _one_of("disabled", "required"),
    "pci_passthrough:alias": _like(r"[^:,]+:\d+(,\s*[^:,]+:\d+)*"),
    **{f"quota:{name}": _RATE for name in _QUOTAS},
    **{f"quota:{name}": _one_of("custom", "high", "normal", "low") for name in _LEVELS},
    "quota:cpu_quota": _whole(-1),
    "vmware:hw_version": _any,
    "vmware:storage_policy": _any,
}  # fmt: skip

_FAMILIES: Final[tuple[tuple[re.Pattern[str], Check], ...]] = (
    (re.compile(r"hw:numa_cpus\.\d+"), _like(_CPUS)),
    (re.compile(r"hw:numa_mem\.\d+"), _whole(1)),
    (re.compile(r"resources[A-Za-z0-9_-]*:[A-Z0-9_]+"), _whole(0)),
    (re.compile(r"trait[A-Za-z0-9_-]*:[A-Z0-9_]+"), _one_of("required", "forbidden")),
    (re.compile(r"capabilities:.+"), _any),
    (re.compile(r"aggregate_instance_extra_specs:.+"), _any),
)
_NAMESPACES: Final = frozenset(key.split(":")[0] for key in _KNOWN if ":" in key) | {
    "aggregate_instance_extra_specs",
    "capabilities",
}
_NUMBERED: Final = re.compile(r"(resources|trait)[A-Za-z0-9_-]*")


def extra_specs_check(specs: Mapping[str, str]) -> None:
    """Refuse unknown keys in known namespaces and values that a known key does not take. Raises Invalid."""
    for key, value in specs.items():
        check = _check_of(key)
        if check is None:
            raise Invalid(f"Validation failed; extra spec '{key}' does not appear to be a valid extra spec.")
        if not check(value):
            raise Invalid(f"Validation failed; '{value}' is not a valid value of extra spec '{key}'.")


def _check_of(key: str) -> Check | None:
    if key in _KNOWN:
        return _KNOWN[key]
    for pattern, check in _FAMILIES:
        if pattern.fullmatch(key):
            return check
    namespace, colon, _ = key.partition(":")
    ours = namespace in _NAMESPACES or _NUMBERED.fullmatch(namespace) is not None
    return None if colon and ours else _any
