"""The filters, each under the class name that `enabled_filters` uses for it.

To add one, write a function in a file of this folder and name it here: see `docs/how-to/add-a-filter.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from compute_service.scheduler.ask import Filter
from compute_service.scheduler.filters.aggregate_extra_specs import aggregate_instance_extra_specs
from compute_service.scheduler.filters.aggregate_image import aggregate_image_properties_isolation
from compute_service.scheduler.filters.all_hosts import all_hosts
from compute_service.scheduler.filters.capabilities import compute_capabilities
from compute_service.scheduler.filters.cidr import simple_cidr_affinity
from compute_service.scheduler.filters.compute import compute
from compute_service.scheduler.filters.group import server_group_affinity, server_group_anti_affinity
from compute_service.scheduler.filters.image_properties import image_properties
from compute_service.scheduler.filters.io_ops import aggregate_io_ops, io_ops
from compute_service.scheduler.filters.isolated import isolated_hosts
from compute_service.scheduler.filters.json_query import json_query
from compute_service.scheduler.filters.metrics import metrics
from compute_service.scheduler.filters.neighbours import different_host, same_host
from compute_service.scheduler.filters.num_instances import aggregate_num_instances, num_instances
from compute_service.scheduler.filters.tenancy import aggregate_multi_tenancy_isolation
from compute_service.scheduler.filters.type_affinity import aggregate_type_affinity


@dataclass(frozen=True, slots=True)
class FilterEntry:
    """A filter and where it counts."""

    filter: Filter
    on_rebuild: bool = False
    """Whether a server that stays on its host while its image changes is put to it too."""


FILTERS: Mapping[str, FilterEntry] = MappingProxyType(
    {
        "AggregateImagePropertiesIsolation": FilterEntry(
            aggregate_image_properties_isolation, on_rebuild=True
        ),
        "AggregateInstanceExtraSpecsFilter": FilterEntry(aggregate_instance_extra_specs),
        "AggregateIoOpsFilter": FilterEntry(aggregate_io_ops),
        "AggregateMultiTenancyIsolation": FilterEntry(aggregate_multi_tenancy_isolation),
        "AggregateNumInstancesFilter": FilterEntry(aggregate_num_instances),
        "AggregateTypeAffinityFilter": FilterEntry(aggregate_type_affinity),
        "AllHostsFilter": FilterEntry(all_hosts),
        "ComputeCapabilitiesFilter": FilterEntry(compute_capabilities),
        "ComputeFilter": FilterEntry(compute),
        "DifferentHostFilter": FilterEntry(different_host),
        "ImagePropertiesFilter": FilterEntry(image_properties, on_rebuild=True),
        "IoOpsFilter": FilterEntry(io_ops),
        "IsolatedHostsFilter": FilterEntry(isolated_hosts, on_rebuild=True),
        "JsonFilter": FilterEntry(json_query),
        "MetricsFilter": FilterEntry(metrics),
        "NumInstancesFilter": FilterEntry(num_instances),
        "SameHostFilter": FilterEntry(same_host),
        "ServerGroupAffinityFilter": FilterEntry(server_group_affinity),
        "ServerGroupAntiAffinityFilter": FilterEntry(server_group_anti_affinity),
        "SimpleCIDRAffinityFilter": FilterEntry(simple_cidr_affinity),
    }
)
"""Name → filter."""

ABSENT: Mapping[str, str] = MappingProxyType(
    {"NUMATopologyFilter": "NUMA topologies", "PciPassthroughFilter": "PCI devices"}
)
"""Filters that are known by name → what this release must learn to place before it can have them."""
