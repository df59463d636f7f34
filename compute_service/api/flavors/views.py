"""What flavors look like in an answer. Source: Compute API reference, "Flavors"."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.links import Link
from compute_service.api.policies import flavors as policy
from compute_service.api.request import Request
from compute_service.api.servers.views import named
from compute_service.api.shape import FreeView, View, since
from compute_service.api.versions import change
from compute_service.domain.flavor import Flavor

SWAP_IS_A_NUMBER = change("2.75")
"""Below, no swap is shown as an empty text."""


class FlavorBrief(View):
    """A flavor in a list."""

    id: str
    name: str
    links: list[Link]
    description: Annotated[str | UnsetType | None, since("2.55")] = UNSET


class FlavorList(View):
    """GET /flavors."""

    flavors: list[FlavorBrief]
    flavors_links: list[Link] | UnsetType = UNSET


class FlavorView(View):
    """A flavor with its details."""

    id: str
    name: str
    ram: int
    disk: int
    swap: int | str
    vcpus: int
    links: list[Link]
    is_public: bool = msgspec.field(name="os-flavor-access:is_public")
    ephemeral: int = msgspec.field(name="OS-FLV-EXT-DATA:ephemeral")
    disabled: Annotated[bool | UnsetType, since("2.1", until="2.101")] = named("OS-FLV-DISABLED:disabled")
    rxtx_factor: Annotated[float | UnsetType, since("2.1", until="2.101")] = UNSET
    description: Annotated[str | UnsetType | None, since("2.55")] = UNSET
    extra_specs: Annotated[dict[str, str] | UnsetType, since("2.61")] = UNSET


class FlavorDetails(View):
    """GET /flavors/detail."""

    flavors: list[FlavorView]
    flavors_links: list[Link] | UnsetType = UNSET


class FlavorShown(View):
    """One flavor."""

    flavor: FlavorView


class AccessView(View):
    """A project that may use a flavor."""

    flavor_id: str
    tenant_id: str


class AccessList(View):
    """The projects that may use a flavor."""

    flavor_access: list[AccessView]


class Specs(View):
    """A flavor's extra specs."""

    extra_specs: dict[str, Any]


class SpecView(FreeView):
    """One extra spec: its key and its value."""

    items: dict[str, str]


def brief(flavor: Flavor, req: Request) -> FlavorBrief:
    """Return a flavor for a list."""
    return FlavorBrief(
        id=flavor.flavorid,
        name=flavor.name,
        links=req.links.of(f"flavors/{flavor.flavorid}"),
        description=flavor.description,
    )


def whole(flavor: Flavor, req: Request) -> FlavorView:
    """Return a flavor with its details."""
    no_swap: int | str = 0 if req.at_least(SWAP_IS_A_NUMBER) else ""
    return FlavorView(
        id=flavor.flavorid,
        name=flavor.name,
        ram=flavor.memory_mb,
        disk=flavor.root_gb,
        swap=flavor.swap_mb or no_swap,
        vcpus=flavor.vcpus,
        links=req.links.of(f"flavors/{flavor.flavorid}"),
        is_public=flavor.is_public,
        ephemeral=flavor.ephemeral_gb,
        disabled=flavor.disabled,
        rxtx_factor=flavor.rxtx_factor,
        description=flavor.description,
        extra_specs=flavor.extra_specs if req.allows(policy.SPECS_INDEX) else UNSET,
    )


def access(flavorid: str, projects: tuple[str, ...]) -> AccessList:
    """Return the projects that may use a flavor."""
    return AccessList(flavor_access=[AccessView(flavor_id=flavorid, tenant_id=one) for one in projects])
