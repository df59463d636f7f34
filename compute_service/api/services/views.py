"""What services look like in an answer. Source: Compute API reference, "Compute services"."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from compute_service.api.shape import View, since
from compute_service.api.times import stamp_or_none
from compute_service.api.versions import change
from compute_service.control.hosts import ServiceView as Known

UUIDS = change("2.53")
"""From here on a service is known by its UUID, before by a number of its cell."""

Status = Literal["enabled", "disabled"]


class ServiceView(View):
    """A service."""

    id: int | str
    binary: str
    host: str
    zone: str
    status: Status
    state: Literal["up", "down"]
    updated_at: str | None
    disabled_reason: str | None
    forced_down: Annotated[bool | UnsetType, since("2.11")] = UNSET


class DownService(View):
    """A compute service of a cell that does not answer (2.69)."""

    binary: str
    host: str
    status: Literal["UNKNOWN"] = "UNKNOWN"


class ServiceList(View):
    """GET /os-services."""

    services: list[ServiceView | DownService]


class ServiceShown(View):
    """One service."""

    service: ServiceView


class ServiceChange(View):
    """What was changed, as until 2.52 it is shown."""

    binary: str
    host: str
    status: Status | UnsetType = UNSET
    disabled_reason: str | UnsetType | None = UNSET
    forced_down: Annotated[bool | UnsetType, since("2.11")] = UNSET


class ServiceChanged(View):
    """The answer to the updates until 2.52."""

    service: ServiceChange


def whole(known: Known, version: int) -> ServiceView:
    """Return a service."""
    service = known.service
    return ServiceView(
        id=service.uuid if version >= UUIDS else service.id,
        binary=service.binary,
        host=service.host,
        zone=known.zone,
        status="disabled" if service.disabled else "enabled",
        state="up" if known.up else "down",
        updated_at=stamp_or_none(max(filter(None, (service.last_seen_up, service.updated_at)), default=None)),
        disabled_reason=service.disabled_reason,
        forced_down=service.forced_down,
    )
