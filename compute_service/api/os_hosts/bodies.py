"""What requests about hosts hold. Source: Compute API reference, "Hosts"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.fields import OneOf
from compute_service.api.query import NEVER, Query
from compute_service.api.shape import Body

_WORDS = OneOf("enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE")


class HostUpdate(Body):
    """PUT /os-hosts/{host}: at least one of these."""

    status: Annotated[str | UnsetType, _WORDS] = UNSET
    maintenance_mode: Annotated[str | UnsetType, _WORDS] = UNSET


class HostQuery(Query):
    """GET /os-hosts."""

    STRICT = NEVER

    zone: str | UnsetType = UNSET
