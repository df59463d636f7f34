"""The weighers, each under the class name that `weight_classes` uses for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from compute_service.config.settings import Settings
from compute_service.scheduler.ask import Weigher
from compute_service.scheduler.weighers.cells import cross_cell
from compute_service.scheduler.weighers.group import (
    server_group_soft_affinity,
    server_group_soft_anti_affinity,
)
from compute_service.scheduler.weighers.image_properties import image_properties
from compute_service.scheduler.weighers.load import build_failure, io_ops, num_instances
from compute_service.scheduler.weighers.metrics import metrics
from compute_service.scheduler.weighers.pci import pci
from compute_service.scheduler.weighers.resources import cpu, disk, ram
from compute_service.scheduler.weighers.version import hypervisor_version


@dataclass(frozen=True, slots=True)
class WeigherEntry:
    """A weigher and how much it counts.

    Its scores are brought to 0 … 1 between the lowest (or `floor`) and the highest of all hosts, then
    multiplied.
    """

    weigher: Weigher
    multiplier: Callable[[Settings], float]
    option: str
    """The option's name, under which a host's aggregates may give another multiplier (the lowest counts)."""
    sign: float = 1.0
    floor: float | None = None


def _entry(weigher: Weigher, option: str, sign: float = 1.0, floor: float | None = None) -> WeigherEntry:
    def multiplier(settings: Settings) -> float:
        return float(getattr(settings.filter_scheduler, option))

    return WeigherEntry(weigher, multiplier, option, sign, floor)


WEIGHERS: Mapping[str, WeigherEntry] = MappingProxyType(
    {
        "BuildFailureWeigher": _entry(build_failure, "build_failure_weight_multiplier", sign=-1.0),
        "CPUWeigher": _entry(cpu, "cpu_weight_multiplier", floor=0.0),
        "CrossCellWeigher": _entry(cross_cell, "cross_cell_move_weight_multiplier"),
        "DiskWeigher": _entry(disk, "disk_weight_multiplier", floor=0.0),
        "HypervisorVersionWeigher": _entry(hypervisor_version, "hypervisor_version_weight_multiplier"),
        "ImagePropertiesWeigher": _entry(image_properties, "image_props_weight_multiplier"),
        "IoOpsWeigher": _entry(io_ops, "io_ops_weight_multiplier", floor=0.0),
        "MetricsWeigher": WeigherEntry(
            metrics, lambda settings: settings.metrics.weight_multiplier, "metrics_weight_multiplier"
        ),
        "NumInstancesWeigher": _entry(num_instances, "num_instances_weight_multiplier"),
        "PCIWeigher": _entry(pci, "pci_weight_multiplier"),
        "RAMWeigher": _entry(ram, "ram_weight_multiplier", floor=0.0),
        "ServerGroupSoftAffinityWeigher": _entry(
            server_group_soft_affinity, "soft_affinity_weight_multiplier"
        ),
        "ServerGroupSoftAntiAffinityWeigher": _entry(
            server_group_soft_anti_affinity, "soft_anti_affinity_weight_multiplier"
        ),
    }
)
"""Name → weigher."""
