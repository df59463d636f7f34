"""What requests about hypervisors hold. Source: Compute API reference, "Hypervisors"."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import BOOLISH, HOST_NAME
from compute_service.api.query import NEVER, Limit, Query
from compute_service.api.shape import since
from compute_service.api.versions import LOWEST


class NumberedQuery(Query):
    """GET /os-hypervisors and /os-hypervisors/detail, until 2.52."""

    STRICT = NEVER

    limit: Annotated[Limit, since("2.33")] = UNSET
    marker: Annotated[str | UnsetType, since("2.33")] = UNSET


class HypervisorQuery(Query):
    """GET /os-hypervisors and /os-hypervisors/detail, from 2.53 on."""

    STRICT = LOWEST
    ONCE = True

    limit: Limit = UNSET
    marker: str | UnsetType = UNSET
    pattern: Annotated[str | UnsetType, HOST_NAME] = msgspec.field(
        default=UNSET, name="hypervisor_hostname_pattern"
    )
    with_servers: Annotated[bool | UnsetType, BOOLISH] = UNSET


class ShowQuery(Query):
    """GET /os-hypervisors/{hypervisor_id}, from 2.53 on."""

    STRICT = LOWEST
    ONCE = True

    with_servers: Annotated[bool | UnsetType, BOOLISH] = UNSET


class OpenQuery(Query):
    """Parameters that are never looked at."""

    STRICT = NEVER
