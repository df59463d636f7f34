"""What requests about quotas hold. Source: Compute API reference, "Quota sets", "Quota class sets"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType, structs

from compute_service.api.fields import Boolish, Whole
from compute_service.api.query import NEVER, Query
from compute_service.api.shape import Body, since
from compute_service.api.versions import minor
from compute_service.domain.quota import RESOURCES

_LIMIT = Whole(-1, 2**31 - 1)
Always = Annotated[int | UnsetType, _LIMIT]
Injected = Annotated[int | UnsetType, _LIMIT, since("2.1", until="2.56")]
NetworkOfSets = Annotated[int | UnsetType, _LIMIT, since("2.1", until="2.35")]
NetworkOfClasses = Annotated[int | UnsetType, _LIMIT, since("2.1", until="2.49")]


class _Limits(Body):
    instances: Always = UNSET
    cores: Always = UNSET
    ram: Always = UNSET
    metadata_items: Always = UNSET
    key_pairs: Always = UNSET
    server_groups: Always = UNSET
    server_group_members: Always = UNSET
    injected_files: Injected = UNSET
    injected_file_content_bytes: Injected = UNSET
    injected_file_path_bytes: Injected = UNSET


class QuotaLimits(_Limits):
    """New limits of a project or user; those of the network service are taken and not looked at."""

    floating_ips: NetworkOfSets = UNSET
    fixed_ips: NetworkOfSets = UNSET
    security_groups: NetworkOfSets = UNSET
    security_group_rules: NetworkOfSets = UNSET
    force: Annotated[bool | UnsetType, Boolish()] = UNSET


class QuotaUpdate(Body):
    """PUT /os-quota-sets/{project_id}."""

    quota_set: QuotaLimits


class ClassLimits(_Limits):
    """New limits of a class."""

    floating_ips: NetworkOfClasses = UNSET
    fixed_ips: NetworkOfClasses = UNSET
    security_groups: NetworkOfClasses = UNSET
    security_group_rules: NetworkOfClasses = UNSET


class ClassUpdate(Body):
    """PUT /os-quota-class-sets/{class_name}."""

    quota_class_set: ClassLimits


class UserQuery(Query):
    """Whose quotas in the project: those of one user, if named."""

    STRICT = minor("2.75")

    user_id: str | UnsetType = UNSET


class DefaultsQuery(Query):
    """GET /os-quota-sets/{project_id}/defaults: whatever is asked beside it is passed over."""

    STRICT = NEVER


class LimitsQuery(Query):
    """GET /limits."""

    STRICT = minor("2.75")

    tenant_id: str | UnsetType = UNSET
    reserved: Annotated[str | UnsetType, since("2.1", until="2.74")] = UNSET


def changes_of(limits: Body, names: tuple[str, ...] = RESOURCES) -> dict[str, int]:
    """Return the limits that a body sets, of those that count: of what this service counts, if not named."""
    given = structs.asdict(limits)
    return {name: given[name] for name in names if not isinstance(given.get(name, UNSET), UnsetType)}
