"""Wishes that placement can judge, each one function: which aggregates and traits a host must have or not.

Source: Compute administration guide, "Scheduling": prefilters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from compute_service.config.settings import Settings
from compute_service.domain.request import PlacementRequest
from compute_service.scheduler.extra_specs import Group
from compute_service.scheduler.filters.tenancy import TENANT_KEY
from compute_service.scheduler.fleet import Fleet
from compute_service.scheduler.reasons import Unplaceable

DISABLED = "COMPUTE_STATUS_DISABLED"
"""The trait of hosts whose compute service is disabled."""

_IMAGE_TRAITS = {
    "hw_cdrom_bus": "COMPUTE_STORAGE_BUS_",
    "hw_disk_bus": "COMPUTE_STORAGE_BUS_",
    "hw_video_model": "COMPUTE_GRAPHICS_MODEL_",
    "hw_vif_model": "COMPUTE_NET_VIF_MODEL_",
}


@dataclass(slots=True)
class Draft:
    """A query in the making."""

    request: PlacementRequest
    settings: Settings
    fleet: Fleet
    main: Group
    """The group without a suffix."""
    member_of: list[tuple[str, ...]] = field(default_factory=list)
    """The host must be in one aggregate of each."""
    outside: set[str] = field(default_factory=set)
    """Aggregates that the host must not be in."""


def tenant_aggregate(draft: Draft) -> None:
    """Keep a project's servers on the aggregates that name it, if so configured."""
    scheduler = draft.settings.scheduler
    if not scheduler.limit_tenants_to_placement_aggregate:
        return
    project = draft.request.project_id
    mine = tuple(
        aggregate.uuid
        for aggregate in draft.fleet.aggregates
        if any(
            key.startswith(TENANT_KEY) and project in {word.strip() for word in value.split(",")}
            for key, value in aggregate.metadata.items()
        )
    )
    if mine:
        draft.member_of.append(mine)
    elif scheduler.placement_aggregate_required_for_tenants:
        raise Unplaceable(f"No aggregate names project {project} under {TENANT_KEY}, and one is required.")


def availability_zone(draft: Draft) -> None:
    """Keep to the aggregates that make the zone asked for; the default zone is made of hosts in no other."""
    zone = draft.request.availability_zone
    if not zone:
        return
    zoned = {a.uuid: a.availability_zone for a in draft.fleet.aggregates if a.availability_zone}
    if zone == draft.settings.default.default_availability_zone:
        draft.outside |= {uuid for uuid, other in zoned.items() if other != zone}
        return
    mine = tuple(uuid for uuid, name in zoned.items() if name == zone)
    if not mine:
        raise Unplaceable(f"There is no availability zone {zone}.")
    draft.member_of.append(mine)


def image_type(draft: Draft) -> None:
    """Ask for hosts that can use the image's disk format, if so configured."""
    image = draft.request.image
    if draft.settings.scheduler.query_placement_for_image_type_support and image and image.disk_format:
        draft.main.required.add(f"COMPUTE_IMAGE_TYPE_{image.disk_format.upper()}")


def image_metadata(draft: Draft) -> None:
    """Ask for hosts that have the device models that the image names, if so configured."""
    if not draft.settings.scheduler.image_metadata_prefilter or draft.request.image is None:
        return
    for key, prefix in _IMAGE_TRAITS.items():
        value = draft.request.image.properties.get(key)
        if value:
            draft.main.required.add(prefix + value.replace("-", "_").upper())


def enabled_service(draft: Draft) -> None:
    """Leave out hosts whose compute service is disabled."""
    draft.main.forbidden.add(DISABLED)


def isolated_aggregates(draft: Draft) -> None:
    """Leave out aggregates that want traits (`trait:NAME=required`) not asked for, if so configured."""
    if not draft.settings.scheduler.enable_isolated_aggregate_filtering:
        return
    for aggregate in draft.fleet.aggregates:
        wanted = {
            key.removeprefix("trait:")
            for key, value in aggregate.metadata.items()
            if key.startswith("trait:") and value == "required"
        }
        if wanted - draft.main.required:
            draft.outside.add(aggregate.uuid)


PREFILTERS: tuple[Callable[[Draft], None], ...] = (
    tenant_aggregate,
    availability_zone,
    image_type,
    image_metadata,
    enabled_service,
    isolated_aggregates,
)
"""In this order: the last one looks at the traits that the others asked for."""
