"""[filter_scheduler]: which hosts pass and which is best."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt

_PER_AGGREGATE = " An aggregate's metadata of the same name goes before it."


@dataclass(frozen=True, kw_only=True)
class FilterScheduler(Section):
    """Options of the section [filter_scheduler]."""

    available_filters: tuple[str, ...] = opt(
        ("nova.scheduler.filters.all_filters",),
        "Where filters come from. Only the built-in set is known.",
        multi=True,
    )
    enabled_filters: tuple[str, ...] = opt(
        (
            "ComputeFilter",
            "ComputeCapabilitiesFilter",
            "ImagePropertiesFilter",
            "ServerGroupAntiAffinityFilter",
            "ServerGroupAffinityFilter",
        ),
        "The filters a host must pass, in order; the cheapest and strictest first.",
    )
    weight_classes: tuple[str, ...] = opt(
        ("nova.scheduler.weights.all_weighers",), "The weighers in use; the default is all built-in ones."
    )
    host_subset_size: int = opt(1, "From how many of the best hosts one is drawn at random.", min=1)
    shuffle_best_same_weighed_hosts: bool = opt(
        False, "Whether equally good hosts are shuffled before one is taken."
    )
    track_instance_changes: bool = opt(
        True, "Accepted and unused: hosts' servers are read from the database."
    )
    max_io_ops_per_host: int = opt(
        8, "Builds, moves and snapshots at a time that IoOpsFilter allows a host.", min=0
    )
    max_instances_per_host: int = opt(50, "Servers that NumInstancesFilter allows a host.", min=1)
    isolated_images: tuple[str, ...] = opt((), "Images that IsolatedHostsFilter puts on isolated_hosts only.")
    isolated_hosts: tuple[str, ...] = opt((), "Hosts set apart for isolated_images.")
    restrict_isolated_hosts_to_isolated_images: bool = opt(
        True, "Whether isolated hosts take nothing but isolated images."
    )
    aggregate_image_properties_isolation_namespace: str | None = opt(
        None, "The prefix of the image properties that AggregateImagePropertiesIsolation looks at."
    )
    aggregate_image_properties_isolation_separator: str = opt(
        ".", "What stands between that prefix and the property's name."
    )
    image_properties_default_architecture: str | None = opt(
        None, "The architecture of images that do not tell theirs, such as x86_64."
    )
    pci_in_placement: bool = opt(False, "Whether PCI devices are claimed in placement.")
    ram_weight_multiplier: float = opt(
        1.0, "The weight of free memory; below 0 fills hosts up." + _PER_AGGREGATE
    )
    cpu_weight_multiplier: float = opt(
        1.0, "The weight of free CPUs; below 0 fills hosts up." + _PER_AGGREGATE
    )
    disk_weight_multiplier: float = opt(
        1.0, "The weight of free disk; below 0 fills hosts up." + _PER_AGGREGATE
    )
    hypervisor_version_weight_multiplier: float = opt(
        1.0, "The weight of a newer hypervisor; below 0 prefers older ones." + _PER_AGGREGATE
    )
    num_instances_weight_multiplier: float = opt(
        0.0, "The weight of a host's number of servers; above 0 packs." + _PER_AGGREGATE
    )
    io_ops_weight_multiplier: float = opt(
        -1.0, "The weight of a host's running builds and moves; below 0 avoids busy hosts." + _PER_AGGREGATE
    )
    image_props_weight_multiplier: float = opt(
        0.0, "The weight of servers with the same image properties on a host." + _PER_AGGREGATE
    )
    image_props_weight_setting: tuple[str, ...] = opt(
        (), "The image properties that count for that, as name=weight; empty means all, equally."
    )
    pci_weight_multiplier: float = opt(
        1.0,
        "The weight of PCI devices a server can use, and of having none it cannot." + _PER_AGGREGATE,
        min=0.0,
    )
    soft_affinity_weight_multiplier: float = opt(
        1.0, "The weight of members of the server's soft-affinity group." + _PER_AGGREGATE, min=0.0
    )
    soft_anti_affinity_weight_multiplier: float = opt(
        1.0, "The weight against members of the server's soft-anti-affinity group." + _PER_AGGREGATE, min=0.0
    )
    build_failure_weight_multiplier: float = opt(
        1000000.0, "The weight against hosts whose last builds failed." + _PER_AGGREGATE
    )
    cross_cell_move_weight_multiplier: float = opt(
        1000000.0,
        "The weight of the server's own cell when it moves; below 0 prefers others." + _PER_AGGREGATE,
    )
