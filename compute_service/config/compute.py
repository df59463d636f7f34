"""[compute]: nova-compute."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Compute(Section):
    """Options of the section [compute]."""

    consecutive_build_service_disable_threshold: int = opt(
        10, "Failed builds in a row after which a host counts as bad; 0 never.", min=0
    )
    shutdown_retry_interval: int = opt(10, "Seconds between two requests to a guest to shut down.", min=1)
    resource_provider_association_refresh: int = opt(
        300,
        "Seconds for which what placement says of this host is believed; 0 asks only at start.",
        min=0,
        mutable=True,
    )
    cpu_shared_set: str | None = opt(None, "Host CPUs for unpinned guests, such as 4-12,^8,15.")
    cpu_dedicated_set: str | None = opt(None, "Host CPUs for pinned guests, such as 4-12,^8,15.")
    live_migration_wait_for_vif_plug: bool = opt(
        True, "Whether a live migration waits for the target's ports."
    )
    max_concurrent_disk_ops: int = opt(0, "Heavy disk work a host does at a time; 0 is unlimited.", min=0)
    max_disk_devices_to_attach: int = opt(-1, "Disks a server may have; -1 is unlimited.", min=-1)
    provider_config_location: str = opt(
        "/etc/nova/provider_config/", "The directory of files that add inventories and traits."
    )
    image_type_exclude_list: tuple[str, ...] = opt((), "Disk formats this host does not claim to support.")
    vmdk_allowed_types: tuple[str, ...] = opt(
        ("streamOptimized", "monolithicSparse"), "Kinds of VMDK images that are safe to use."
    )
    packing_host_numa_cells_allocation_strategy: bool = opt(
        False, "Whether guests fill one NUMA node before the next."
    )
    sharing_providers_max_uuids_per_request: int = opt(
        200, "The most providers named in one query to placement.", min=1
    )
