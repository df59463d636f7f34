"""What requests about services hold. Source: Compute API reference, "Compute services"."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from compute_service.api.fields import BOOLISH, HOST_NAME, Text
from compute_service.api.query import Query
from compute_service.api.shape import Body, since
from compute_service.api.versions import minor

_REASON = Text(1, 255)


class ServiceQuery(Query):
    """GET /os-services."""

    STRICT = minor("2.75")

    host: str | UnsetType = UNSET
    binary: str | UnsetType = UNSET


class NamedServiceUpdate(Body):
    """PUT /os-services/enable, disable, disable-log-reason and force-down, until 2.52."""

    host: Annotated[str, HOST_NAME]
    binary: Annotated[str, Text(1, 255)]
    disabled_reason: Annotated[str | UnsetType, _REASON] = UNSET
    forced_down: Annotated[bool | UnsetType, BOOLISH, since("2.11")] = UNSET


class ServiceUpdate(Body):
    """PUT /os-services/{service_id}, from 2.53 on."""

    status: Literal["enabled", "disabled"] | UnsetType = UNSET
    disabled_reason: Annotated[str | UnsetType, _REASON] = UNSET
    forced_down: Annotated[bool | UnsetType, BOOLISH] = UNSET
