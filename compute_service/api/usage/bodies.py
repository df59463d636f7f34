"""What requests about usage hold. Source: Compute API reference, "Usage reports"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.query import Limit, Query
from compute_service.api.shape import since
from compute_service.api.versions import minor


class UsageQuery(Query):
    """The period, and the page."""

    STRICT = minor("2.75")

    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    limit: Annotated[Limit, since("2.40")] = UNSET
    marker: Annotated[str | UnsetType, since("2.40")] = UNSET


class UsagesQuery(UsageQuery):
    """Every project's usage, with its servers if asked."""

    STRICT = minor("2.75")

    detailed: str | UnsetType = UNSET
