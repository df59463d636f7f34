"""What requests about server groups hold. Source: Compute API reference, "Server groups"."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from compute_service.api.fields import NAME, SPARE_INT, OneOf, Seq, Whole
from compute_service.api.query import Limit, Query
from compute_service.api.shape import Body, since
from compute_service.api.versions import minor

_HARD = OneOf("anti-affinity", "affinity")
_ALL = OneOf("anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity")


class Rules(Body):
    """Further rules of a policy."""

    max_server_per_host: Annotated[int | UnsetType, Whole(1, SPARE_INT)] = UNSET


class GroupNew(Body):
    """The server group of a POST: until 2.63 with a list of just one policy."""

    name: Annotated[str, NAME]
    policies: Annotated[
        list[str] | UnsetType,
        since("2.1", until="2.14", kind=Seq(_HARD, 1, 1, unique=True), required=True),
        since("2.15", until="2.63", kind=Seq(_ALL, 1, 1, unique=True), required=True),
    ] = UNSET
    policy: Annotated[Any, since("2.64", kind=_ALL, required=True)] = UNSET
    rules: Annotated[Rules | UnsetType, since("2.64")] = UNSET


class GroupCreate(Body):
    """POST /os-server-groups."""

    server_group: GroupNew


class GroupQuery(Query):
    """GET /os-server-groups."""

    STRICT = minor("2.75")

    all_projects: str | UnsetType = UNSET
    limit: Limit = UNSET
    offset: Limit = UNSET
