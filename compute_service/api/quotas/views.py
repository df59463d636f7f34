"""What quotas and limits look like in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.shape import View, since
from compute_service.domain.quota import UNLIMITED, QuotaUsage

Q = TypeVar("Q", bound=View)

Injected = Annotated[int | UnsetType, since("2.1", until="2.56")]
NetworkOfSets = Annotated[int | UnsetType, since("2.1", until="2.35")]
NetworkOfClasses = Annotated[int | UnsetType, since("2.1", until="2.49")]


class _Always(View):
    cores: int
    instances: int
    key_pairs: int
    metadata_items: int
    ram: int
    injected_file_content_bytes: Injected = UNSET
    injected_file_path_bytes: Injected = UNSET
    injected_files: Injected = UNSET


class QuotaSet(_Always):
    """The limits of a project or user; -1 is unlimited, as those of the network service always show."""

    id: str | UnsetType = UNSET
    server_groups: int = UNLIMITED
    server_group_members: int = UNLIMITED
    fixed_ips: NetworkOfSets = UNLIMITED
    floating_ips: NetworkOfSets = UNLIMITED
    security_groups: NetworkOfSets = UNLIMITED
    security_group_rules: NetworkOfSets = UNLIMITED


class QuotaShown(View):
    """GET and PUT /os-quota-sets/{project_id}."""

    quota_set: QuotaSet


class ClassSet(_Always):
    """The limits of a class."""

    id: str | UnsetType = UNSET
    server_groups: Annotated[int | UnsetType, since("2.50")] = UNSET
    server_group_members: Annotated[int | UnsetType, since("2.50")] = UNSET
    fixed_ips: NetworkOfClasses = UNLIMITED
    floating_ips: NetworkOfClasses = UNLIMITED
    security_groups: NetworkOfClasses = UNLIMITED
    security_group_rules: NetworkOfClasses = UNLIMITED


class ClassShown(View):
    """GET and PUT /os-quota-class-sets/{class_name}."""

    quota_class_set: ClassSet


class Used(View):
    """A limit with what is in use of it."""

    limit: int = UNLIMITED
    in_use: int = 0
    reserved: int = 0


InjectedUse = Annotated[Used | UnsetType, since("2.1", until="2.56")]
NetworkUse = Annotated[Used | UnsetType, since("2.1", until="2.35")]


class QuotaDetails(View):
    """The limits of a project or user with what is in use."""

    id: str
    cores: Used
    instances: Used
    key_pairs: Used
    metadata_items: Used
    ram: Used
    server_groups: Used
    server_group_members: Used
    injected_file_content_bytes: InjectedUse = UNSET
    injected_file_path_bytes: InjectedUse = UNSET
    injected_files: InjectedUse = UNSET
    fixed_ips: NetworkUse = msgspec.field(default_factory=Used)
    floating_ips: NetworkUse = msgspec.field(default_factory=Used)
    security_groups: NetworkUse = msgspec.field(default_factory=Used)
    security_group_rules: NetworkUse = msgspec.field(default_factory=Used)


class QuotaDetailed(View):
    """GET /os-quota-sets/{project_id}/detail."""

    quota_set: QuotaDetails


NetworkLimit = Annotated[int | UnsetType, since("2.1", until="2.35")]


class Absolute(View):
    """Limits and use of a project."""

    maxServerMeta: int
    maxTotalInstances: int
    maxTotalRAMSize: int
    maxTotalCores: int
    maxTotalKeypairs: int
    maxServerGroups: int
    maxServerGroupMembers: int
    totalCoresUsed: int
    totalInstancesUsed: int
    totalRAMUsed: int
    totalServerGroupsUsed: int
    maxImageMeta: Annotated[int | UnsetType, since("2.1", until="2.38")] = UNSET
    maxPersonality: Annotated[int | UnsetType, since("2.1", until="2.56")] = UNSET
    maxPersonalitySize: Annotated[int | UnsetType, since("2.1", until="2.56")] = UNSET
    maxSecurityGroups: NetworkLimit = UNLIMITED
    maxSecurityGroupRules: NetworkLimit = UNLIMITED
    maxTotalFloatingIps: NetworkLimit = UNLIMITED
    totalFloatingIpsUsed: NetworkLimit = 0
    totalSecurityGroupsUsed: NetworkLimit = 0


class LimitsOf(View):
    """All limits; `rate` is always empty."""

    absolute: Absolute
    rate: list[str] = msgspec.field(default_factory=list)


class LimitsShown(View):
    """GET /limits."""

    limits: LimitsOf


def quota_set(limits: Mapping[str, int], project_id: str | None = None) -> QuotaShown:
    """Return the limits of a project; with its id where the answer has one."""
    return QuotaShown(quota_set=QuotaSet(**limits, id=UNSET if project_id is None else project_id))


def class_set(limits: Mapping[str, int], name: str | None = None) -> ClassShown:
    """Return the limits of a class; with its name where the answer has one."""
    return ClassShown(quota_class_set=ClassSet(**limits, id=UNSET if name is None else name))


def detailed(usage: Mapping[str, QuotaUsage], project_id: str) -> QuotaDetailed:
    """Return limits with what is in use."""
    used = {
        name: Used(limit=one.limit, in_use=one.in_use, reserved=one.reserved) for name, one in usage.items()
    }
    return QuotaDetailed(quota_set=QuotaDetails(id=project_id, **used))


def limits_of(usage: Mapping[str, QuotaUsage]) -> LimitsShown:
    """Return a project's limits and use."""

    def limit(name: str) -> int:
        return usage[name].limit

    return LimitsShown(
        limits=LimitsOf(
            absolute=Absolute(
                maxServerMeta=limit("metadata_items"),
                maxTotalInstances=limit("instances"),
                maxTotalRAMSize=limit("ram"),
                maxTotalCores=limit("cores"),
                maxTotalKeypairs=limit("key_pairs"),
                maxServerGroups=limit("server_groups"),
                maxServerGroupMembers=limit("server_group_members"),
                totalCoresUsed=usage["cores"].in_use,
                totalInstancesUsed=usage["instances"].in_use,
                totalRAMUsed=usage["ram"].in_use,
                totalServerGroupsUsed=usage["server_groups"].in_use,
                maxImageMeta=limit("metadata_items"),
                maxPersonality=limit("injected_files"),
                maxPersonalitySize=limit("injected_file_content_bytes"),
            )
        )
    )
