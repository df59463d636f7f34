"""A guest's counters out of libvirt's flat list of them.

Source: libvirt documentation, virConnectGetAllDomainStats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_service.domain.guest import DiskCounters, NicCounters
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.domains import DomainStats

_DISK = {
    "read_bytes": "rd.bytes",
    "read_requests": "rd.reqs",
    "write_bytes": "wr.bytes",
    "write_requests": "wr.reqs",
    "errors_count": "errors",
}
_NIC = {
    f"{ours}_{what}": f"{ours}.{theirs}"
    for ours in ("rx", "tx")
    for what, theirs in (("octets", "bytes"), ("packets", "pkts"), ("errors", "errs"), ("drop", "drop"))
}


def stats_of(power: PowerState, values: Mapping[str, Any]) -> DomainStats:
    """Return the counters by name as a record; what is not counted is None."""
    return DomainStats(
        power=power,
        cpu_times_ns=tuple(
            int(values.get(f"vcpu.{n}.time", 0)) for n in range(int(values.get("vcpu.current", 0)))
        ),
        memory_kib=values.get("balloon.maximum"),
        memory_used_kib=_used(values),
        disks=tuple(
            DiskCounters(name=values.get(f"block.{n}.name", ""), **_some(values, f"block.{n}.", _DISK))
            for n in range(int(values.get("block.count", 0)))
            if f"block.{n}.backingIndex" not in values or values.get(f"block.{n}.name")
        ),
        nics=tuple(
            NicCounters(
                name=values.get(f"net.{n}.name", ""), mac_address="", **_some(values, f"net.{n}.", _NIC)
            )
            for n in range(int(values.get("net.count", 0)))
        ),
    )


def _some(values: Mapping[str, Any], prefix: str, names: Mapping[str, str]) -> dict[str, int | None]:
    return {ours: values.get(prefix + theirs) for ours, theirs in names.items()}


def _used(values: Mapping[str, Any]) -> int | None:
    """Return what the guest says it uses, or else what it was given."""
    available, unused = values.get("balloon.available"), values.get("balloon.unused")
    if available is not None and unused is not None:
        return int(available) - int(unused)
    return values.get("balloon.current")
