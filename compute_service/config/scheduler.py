"""[scheduler]: how hosts are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Scheduler(Section):
    """Options of the section [scheduler]."""

    workers: int | None = opt(
        None,
        "Processes of nova-scheduler, forked from one whose memory they share; unset or 0 means one.",
        min=0,
    )
    max_attempts: int = opt(3, "On how many hosts a build is tried before it fails.", min=1)
    discover_hosts_in_cells_interval: int = opt(
        -1, "Seconds between two looks for new compute hosts; below 0 never, 0 means 60.", min=-1
    )
    max_placement_results: int = opt(1000, "The most candidates asked of placement.", min=1)
    limit_tenants_to_placement_aggregate: bool = opt(
        False, "Whether a project's servers stay on aggregates that name the project in filter_tenant_id."
    )
    placement_aggregate_required_for_tenants: bool = opt(
        False, "Whether projects that no such aggregate names get no host at all."
    )
    query_placement_for_image_type_support: bool = opt(
        False, "Whether hosts must be able to use the image's disk format."
    )
    query_placement_for_routed_network_aggregates: bool = opt(
        False, "Whether hosts must reach the segments of the ports' subnets."
    )
    enable_isolated_aggregate_filtering: bool = opt(
        False, "Whether aggregates with required traits take only servers that ask for those traits."
    )
    image_metadata_prefilter: bool = opt(
        False, "Whether image properties become required traits in the query to placement."
    )
