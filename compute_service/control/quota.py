"""Quotas: limits, what is in use, and the checks.

A check of servers runs in the transaction that makes them count, under the project's lock, so that requests
that come together cannot pass a limit together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compute_service.config.settings import Settings
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, OverQuota
from compute_service.domain.flavor import Flavor
from compute_service.domain.quota import (
    RESOURCES,
    RETIRED_NETWORK_RESOURCES,
    UNLIMITED,
    QuotaUsage,
    ServerUsage,
)
from compute_service.store.database import Tx
from compute_service.store.groups import group_count
from compute_service.store.quotas import (
    quota_class_get,
    quota_class_set,
    quota_delete,
    quota_limits,
    quota_limits_of_both,
    quota_lock,
    quota_set,
    quota_usage,
    quota_usages,
    quota_users_set,
)

COUNTED = ("instances", "cores", "ram")
"""What servers take of quotas."""
CLASS_RESOURCES = RESOURCES + RETIRED_NETWORK_RESOURCES
"""What a class keeps limits of. Those of the network service are kept for show."""
_NOOP = "nova.quota.NoopQuotaDriver"


def configured(settings: Settings) -> dict[str, int]:
    """Return the limits that hold where nothing else is set."""
    own = {"injected_file_path_bytes": settings.quota.injected_file_path_length}
    found = {name: own.get(name, getattr(settings.quota, name, UNLIMITED)) for name in RESOURCES}
    return dict.fromkeys(found, UNLIMITED) if settings.quota.driver == _NOOP else found


def limits_in(tx: Tx, settings: Settings, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Return the limit of each resource of a project (or of one user in it), in a transaction."""
    defaults = configured(settings)
    if settings.quota.driver == _NOOP:
        return defaults
    return quota_limits(tx, project_id, user_id, defaults=defaults)


def limits(ctx: Context, svc: Services, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Return the limit of each resource of a project, or of one user in it."""
    with svc.store.api.read() as tx:
        return limits_in(tx, svc.settings, project_id, user_id)


def usage(ctx: Context, svc: Services, project_id: str, user_id: str | None = None) -> dict[str, QuotaUsage]:
    """Return the limit of each resource with what is in use of it; what is not summed shows 0 in use."""
    with svc.store.api.read() as tx:
        found = limits_in(tx, svc.settings, project_id, user_id)
        used = {**_servers(quota_usage(tx, project_id, user_id))}
        used["server_groups"] = group_count(tx, project_id, user_id)
    used |= _from_placement(svc, project_id, user_id)
    return {name: QuotaUsage(limit=limit, in_use=used.get(name, 0)) for name, limit in found.items()}


def _servers(used: ServerUsage) -> dict[str, int]:
    return {"instances": used.instances, "cores": used.cores, "ram": used.ram}


def _from_placement(svc: Services, project_id: str, user_id: str | None = None) -> dict[str, int]:
    if not svc.settings.quota.count_usage_from_placement:
        return {}
    held = svc.placement.usages(project_id, user_id)
    return {"cores": held.get("VCPU", 0) + held.get("PCPU", 0), "ram": held.get("MEMORY_MB", 0)}


@dataclass(frozen=True, slots=True)
class Counted:
    """What placement counts of a project and of one user in it, when usage is counted there."""

    project: Mapping[str, int]
    user: Mapping[str, int]


def counted(svc: Services, project_id: str, user_id: str) -> Counted:
    """Ask placement what is in use, if it is to be asked; before a transaction, for it takes a while."""
    return Counted(_from_placement(svc, project_id), _from_placement(svc, project_id, user_id))


@dataclass(frozen=True, slots=True)
class Budget:
    """What a project, and one user in it, may still take. Valid while the project's lock is held."""

    limits: dict[str, int]
    """The user's limits, of all resources."""
    project_limits: dict[str, int]
    project: dict[str, int]
    user: dict[str, int]

    def fitting(self, flavor: Flavor, least: int, most: int) -> int:
        """Return how many servers fit, `least` to `most`. Raises OverQuota when `least` do not."""
        self.check(_need(flavor, least))
        fits, too_many = least, most + 1
        while too_many - fits > 1:
            number = (fits + too_many) // 2
            if self._over(_need(flavor, number)):
                too_many = number
            else:
                fits = number
        return fits

    def check(self, need: Mapping[str, int]) -> None:
        """Refuse what would exceed a limit. Raises OverQuota."""
        over = self._over(need)
        if not over:
            return
        names = ", ".join(over)
        asked = ", ".join(str(need[name]) for name in over)
        used = ", ".join(str(used) for used, _ in over.values())
        allowed = ", ".join(str(limit) for _, limit in over.values())
        raise OverQuota(
            f"Quota exceeded for {names}: Requested {asked}, but already used {used} of {allowed} {names}"
        )

    def _over(self, need: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Return, by resource that would exceed a limit, what is in use and the limit."""
        found: dict[str, tuple[int, int]] = {}
        for name in sorted(need):
            if need[name] <= 0:
                continue
            for used, allowed in ((self.project, self.project_limits), (self.user, self.limits)):
                if allowed[name] != UNLIMITED and used[name] + need[name] > allowed[name]:
                    found[name] = (used[name], allowed[name])
        return found


def _need(flavor: Flavor, number: int) -> dict[str, int]:
    return {"instances": number, "cores": number * flavor.vcpus, "ram": number * flavor.memory_mb}


def budget(tx: Tx, settings: Settings, project_id: str, user_id: str, seen: Counted) -> Budget:
    """Return what may still be taken, in the transaction that takes it.

    Where there is a limit this takes the project's lock and counts; otherwise nothing need be counted.
    """
    whole = mine = configured(settings)
    if settings.quota.driver != _NOOP:
        whole, mine = quota_limits_of_both(tx, project_id, user_id, defaults=whole)
    project, user = ServerUsage(), ServerUsage()
    if any(limits[name] != UNLIMITED for limits in (whole, mine) for name in COUNTED):
        quota_lock(tx, project_id)
        project, user = quota_usages(tx, project_id, user_id)
    return Budget(
        limits=mine,
        project_limits=whole,
        project={**_servers(project), **seen.project},
        user={**_servers(user), **seen.user},
    )


def check_metadata(limit: int, metadata: Mapping[str, str]) -> None:
    """Refuse more metadata items than a server may have. Raises OverQuota."""
    if UNLIMITED < limit < len(metadata):
        raise OverQuota(f"Maximum number of metadata items exceeds {limit}")


def check_files(limits: Mapping[str, int], files: tuple[tuple[str, str], ...], sizes: list[int]) -> None:
    """Refuse too many, too long or too deeply named injected files. `sizes` are bytes of contents.

    Raises OverQuota.
    """
    if UNLIMITED < limits["injected_files"] < len(files):
        raise OverQuota("Personality file limit exceeded")
    longest_path = max((len(path.encode()) for path, _ in files), default=0)
    if UNLIMITED < limits["injected_file_path_bytes"] < longest_path:
        raise OverQuota("Personality file path exceeds maximum {}".format(limits["injected_file_path_bytes"]))
    if UNLIMITED < limits["injected_file_content_bytes"] < max(sizes, default=0):
        raise OverQuota(
            "Personality file content exceeds maximum {}".format(limits["injected_file_content_bytes"])
        )


def project_must_exist(svc: Services, project_id: str) -> None:
    """Refuse a project that the identity service does not know. Raises Invalid."""
    if svc.identity.project_exists(project_id) is False:
        raise Invalid(f"Project ID {project_id} is not a valid project.")


def update_quotas(
    ctx: Context,
    svc: Services,
    project_id: str,
    changes: Mapping[str, int],
    *,
    user_id: str | None = None,
    force: bool = False,
) -> dict[str, int]:
    """Set limits of a project, or of one user in it, and return all limits as they are then.

    Without `force` a limit may not be below what is in use, nor a user's above its project's or a project's
    below one of its users'. Raises Invalid.
    """
    project_must_exist(svc, project_id)
    _check_values(changes)
    with svc.store.api.write() as tx:
        quota_lock(tx, project_id)
        if not force:
            _check_range(tx, svc.settings, project_id, user_id, changes)
        quota_set(tx, project_id, changes, user_id)
        return limits_in(tx, svc.settings, project_id, user_id)


def _check_values(changes: Mapping[str, int], names: tuple[str, ...] = RESOURCES) -> None:
    for name, limit in changes.items():
        if name not in names:
            raise Invalid(f"Bad key(s) {name} in quota_set")
        if limit < UNLIMITED:
            raise Invalid(f"Quota limit {limit} for {name} must be -1 or greater.")


def _check_range(
    tx: Tx, settings: Settings, project_id: str, user_id: str | None, changes: Mapping[str, int]
) -> None:
    used = _servers(quota_usage(tx, project_id, user_id))
    used["server_groups"] = group_count(tx, project_id, user_id)
    most = limits_in(tx, settings, project_id) if user_id is not None else {}
    least = {} if user_id is not None else quota_users_set(tx, project_id)
    for name, limit in changes.items():
        floor = max(used.get(name, 0), least.get(name, 0))
        if limit != UNLIMITED and limit < floor:
            raise Invalid(
                f"Quota limit {limit} for {name} must be greater than or equal to "
                f"already used and reserved {floor}."
            )
        ceiling = most.get(name, UNLIMITED)
        if ceiling != UNLIMITED and (limit > ceiling or limit == UNLIMITED):
            raise Invalid(f"Quota limit {limit} for {name} must be less than or equal to {ceiling}.")


def delete_quotas(ctx: Context, svc: Services, project_id: str, user_id: str | None = None) -> None:
    """Take back what was set for a project and all its users, or for one user in it."""
    with svc.store.api.write() as tx:
        quota_delete(tx, project_id, user_id)


def class_limits(ctx: Context, svc: Services, name: str) -> dict[str, int]:
    """Return the limits of a quota class; what is not set for it is as configured."""
    with svc.store.api.read() as tx:
        return {**configured(svc.settings), **quota_class_get(tx, name)}


def update_class(ctx: Context, svc: Services, name: str, changes: Mapping[str, int]) -> dict[str, int]:
    """Set limits of a quota class and return all of its limits. Raises Invalid."""
    _check_values(changes, CLASS_RESOURCES)
    with svc.store.api.write() as tx:
        quota_class_set(tx, name, changes)
        return {**configured(svc.settings), **quota_class_get(tx, name)}


def default_limits(ctx: Context, svc: Services) -> dict[str, int]:
    """Return the limits of a project for which nothing is set."""
    found = class_limits(ctx, svc, "default")
    return {name: limit for name, limit in found.items() if name in RESOURCES}
