"""The parameters of a list of servers, and the query they make.

Everyone may use some filters, admins (the rule `servers:allow_all_filters`) all of them; what somebody may
not filter by is passed over without a word. Source: Compute API reference, "List Servers".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import REGEX, TIME, OneOf
from compute_service.api.forms import read_time
from compute_service.api.paging import page_size
from compute_service.api.policies import servers as policy
from compute_service.api.policies.rule import Rule
from compute_service.api.query import Paged, loosely_true, strictly_true
from compute_service.api.request import Request
from compute_service.api.shape import since
from compute_service.api.versions import change, minor
from compute_service.control.services import Services
from compute_service.domain.errors import Forbidden, Invalid
from compute_service.domain.record import Record
from compute_service.domain.states import TaskState, VmState, states_of
from compute_service.store.instances import InstanceQuery

STATUS_CHECKED = change("2.38")
DOWN_CELLS_NAMED = change("2.69")
SORT_LOCKED = change("2.73")

_SORTABLE = (
    "access_ip_v4", "access_ip_v6", "auto_disk_config", "availability_zone", "config_drive", "created_at",
    "display_description", "display_name", "host", "hostname", "image_ref", "instance_type_id", "kernel_id",
    "key_name", "launch_index", "launched_at", "locked", "locked_by", "node", "power_state", "progress",
    "project_id", "ramdisk_id", "root_device_name", "task_state", "terminated_at", "updated_at", "user_id",
    "uuid", "vm_state",
)  # fmt: skip
_SORT_IGNORED = (
    "architecture", "cell_name", "cleaned", "default_ephemeral_device", "default_swap_device", "deleted",
    "deleted_at", "disable_terminate", "ephemeral_gb", "ephemeral_key_uuid", "id", "key_data", "launched_on",
    "memory_mb", "os_type", "reservation_id", "root_gb", "shutdown_terminate", "user_data", "vcpus",
    "vm_mode",
)  # fmt: skip
"""Sort keys that are taken and passed over: what they named is no longer sorted by."""
_SORT_ADMIN = ("host", "node")
_NEVER = (
    "block_device_mapping", "services", "metadata", "system_metadata", "info_cache", "security_groups",
    "pci_devices",
)  # fmt: skip
"""Names of what hangs on a server: no filters."""

Plain = str | UnsetType
Pattern = Annotated[str | UnsetType, REGEX]
Since226 = Annotated[str | UnsetType, REGEX, since("2.26")]


def _dashed(name: str) -> Any:
    return msgspec.field(default=UNSET, name=name)


class ServerQuery(Paged):
    """GET /servers and /servers/detail."""

    STRICT = minor("2.75")

    user_id: Plain = UNSET
    project_id: Plain = UNSET
    tenant_id: Plain = UNSET
    launch_index: Plain = UNSET
    image_ref: Plain = UNSET
    image: Plain = UNSET
    kernel_id: Pattern = UNSET
    ramdisk_id: Pattern = UNSET
    hostname: Pattern = UNSET
    key_name: Pattern = UNSET
    power_state: Pattern = UNSET
    vm_state: Plain = UNSET
    task_state: Plain = UNSET
    host: Plain = UNSET
    node: Pattern = UNSET
    flavor: Pattern = UNSET
    reservation_id: Pattern = UNSET
    launched_at: Pattern = UNSET
    terminated_at: Pattern = UNSET
    availability_zone: Pattern = UNSET
    name: Pattern = UNSET
    display_name: Pattern = UNSET
    description: Pattern = UNSET
    display_description: Pattern = UNSET
    locked_by: Pattern = UNSET
    uuid: Plain = UNSET
    root_device_name: Pattern = UNSET
    config_drive: Pattern = UNSET
    access_ip_v4: Pattern = UNSET
    access_ip_v6: Pattern = UNSET
    auto_disk_config: Pattern = UNSET
    progress: Pattern = UNSET
    created_at: Pattern = UNSET
    ip: Pattern = UNSET
    ip6: Pattern = UNSET
    locked: Annotated[str | UnsetType, since("2.73")] = UNSET
    status: list[str] | UnsetType = UNSET
    all_tenants: Plain = UNSET
    deleted: Plain = UNSET
    soft_deleted: Plain = UNSET
    changes_since: Annotated[datetime | UnsetType, TIME] = _dashed("changes-since")
    changes_before: Annotated[datetime | UnsetType, TIME, since("2.66")] = _dashed("changes-before")
    tags: Since226 = UNSET
    tags_any: Since226 = _dashed("tags-any")
    not_tags: Since226 = _dashed("not-tags")
    not_tags_any: Since226 = _dashed("not-tags-any")
    sort_key: list[Annotated[str, OneOf(*_SORTABLE, *_SORT_IGNORED)]] | UnsetType = UNSET
    sort_dir: list[str] | UnsetType = UNSET
    block_device_mapping: Plain = UNSET
    services: Plain = UNSET
    metadata: Plain = UNSET
    system_metadata: Plain = UNSET
    info_cache: Plain = UNSET
    security_groups: Plain = UNSET
    pci_devices: Plain = UNSET


_FOR_ALL: dict[str, int] = {
    **dict.fromkeys(("reservation_id", "name", "image", "flavor", "ip"), minor("2.1")),
    "ip6": minor("2.5"),
    "locked": minor("2.73"),
    **dict.fromkeys(
        ("availability_zone", "config_drive", "key_name", "created_at", "launched_at", "terminated_at",
         "power_state", "task_state", "vm_state", "progress", "user_id"),
        minor("2.83"),
    ),
    "hostname": minor("2.90"),
}  # fmt: skip
"""The filters that everyone may use, and since when."""

_COLUMNS: tuple[str, ...] = (
    *_FOR_ALL, "launch_index", "image_ref", "kernel_id", "ramdisk_id", "host", "node", "display_name",
    "description", "display_description", "locked_by", "uuid", "root_device_name", "access_ip_v4",
    "access_ip_v6", "auto_disk_config",
)  # fmt: skip


def _time(name: str, text: str) -> datetime:
    try:
        return read_time(text)
    except ValueError:
        raise Invalid(f"Invalid value for {name}: {text!r} is not a time.") from None


_READS: dict[str, Callable[[str, str], Any]] = {
    "locked": strictly_true,
    "config_drive": lambda _, text: loosely_true(text),
    "auto_disk_config": lambda _, text: loosely_true(text),
    "created_at": _time,
    "launched_at": _time,
    "terminated_at": _time,
}


class Search(Record):
    """What a list asks for: nothing when it can find nothing."""

    query: InstanceQuery | None
    plain: bool
    """Without a filter, sort key or page: only then servers of cells that do not answer are named."""


def search_of(svc: Services, req: Request, all_tenants: Rule) -> Search:
    """Return the query that a list's parameters make. Raises Invalid, Forbidden or PolicyDenied."""
    asked = req.query(ServerQuery)
    everything = req.allows(policy.ALL_FILTERS)
    if everything:
        _refuse_names(asked)
    since, before = asked.changes_since, asked.changes_before
    if isinstance(since, datetime) and isinstance(before, datetime) and since > before:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    filters = _filters(asked, req, everything)
    states = _states(asked, filters)
    if states is None:
        if req.at_least(STATUS_CHECKED):
            raise Invalid("Invalid status value")
        return Search(query=None, plain=False)
    deleted = _deleted(asked, everything)
    if states and {vm for vm, _ in states} == {VmState.DELETED}:
        if not req.ctx.is_admin:
            raise Forbidden("Only administrators may list deleted instances")
        deleted = True
    keys, dirs = _sorting(asked, req)
    project = _project(asked, req, all_tenants, filters, everything)
    return Search(
        query=InstanceQuery(
            project_id=project,
            filters=filters,
            states=states,
            deleted=deleted,
            soft_deleted=_soft_deleted(asked, deleted, everything),
            changes_since=None if isinstance(since, UnsetType) else since,
            changes_before=None if isinstance(before, UnsetType) else before,
            sort_keys=keys,
            sort_dirs=dirs,
            marker=None if isinstance(asked.marker, UnsetType) else asked.marker,
            # None are listed for 0 here, where other lists take it for no limit.
            limit=0 if asked.limit == 0 else page_size(asked.limit, svc.settings.api.max_limit),
            tags=_tags(asked.tags),
            tags_any=_tags(asked.tags_any),
            not_tags=_tags(asked.not_tags),
            not_tags_any=_tags(asked.not_tags_any),
        ),
        plain=_is_plain(asked, filters, states),
    )


def _refuse_names(asked: ServerQuery) -> None:
    for name in _NEVER:
        if getattr(asked, name) is not UNSET:
            raise Invalid(f"Invalid filter field: {name}.")


def _filters(asked: ServerQuery, req: Request, everything: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _COLUMNS:
        value = getattr(asked, name)
        if value is UNSET or not (everything or req.version >= _FOR_ALL.get(name, req.version + 1)):
            continue
        read = _READS.get(name)
        found[name] = value if read is None else read(name, value)
    return found


def _states(
    asked: ServerQuery, filters: dict[str, Any]
) -> tuple[tuple[VmState, TaskState | None], ...] | None:
    """Return the states that the asked statuses stand for; None when there is no such status."""
    if isinstance(asked.status, UnsetType):
        return ()
    filters.pop("vm_state", None)
    pairs = [pair for status in asked.status for pair in states_of(status) or ()]
    return tuple(dict.fromkeys(pairs)) or None


def _deleted(asked: ServerQuery, everything: bool) -> bool | None:
    """Return whether living (False), deleted (True) or all servers (None) are wanted."""
    if everything and asked.deleted is not UNSET:
        return loosely_true(asked.deleted)
    if asked.changes_since is not UNSET or asked.changes_before is not UNSET:
        return None
    return False


def _soft_deleted(asked: ServerQuery, deleted: bool | None, everything: bool) -> bool:
    if everything and asked.soft_deleted is not UNSET:
        return loosely_true(asked.soft_deleted)
    return bool(deleted)


def _project(
    asked: ServerQuery, req: Request, all_tenants: Rule, filters: dict[str, Any], everything: bool
) -> str | None:
    """Return the project to list, None for all of them. Raises PolicyDenied."""
    wants_all = asked.all_tenants
    if not isinstance(wants_all, UnsetType) and (not wants_all or strictly_true("all_tenants", wants_all)):
        req.enforce(all_tenants)
        if everything:
            for value in (asked.tenant_id, asked.project_id):
                if not isinstance(value, UnsetType):
                    filters["project_id"] = value
        return None
    return req.ctx.project_id


def _sorting(asked: ServerQuery, req: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return sort keys and directions. Raises Invalid or Forbidden."""
    keys = [] if isinstance(asked.sort_key, UnsetType) else [key.strip() for key in asked.sort_key]
    dirs = [] if isinstance(asked.sort_dir, UnsetType) else [way.strip() for way in asked.sort_dir]
    keys, dirs = keys or ["created_at"], dirs or ["desc"]
    if any(way not in ("asc", "desc") for way in dirs):
        raise Invalid("Unknown sort direction, must be 'desc' or 'asc'")
    if len(dirs) > len(keys):
        raise Invalid("Sort direction size exceeds sort key size")
    dirs += [dirs[0]] * (len(keys) - len(dirs))
    ignored = _SORT_IGNORED if req.at_least(SORT_LOCKED) else (*_SORT_IGNORED, "locked")
    pairs = [(key, way) for key, way in zip(keys, dirs, strict=True) if key not in ignored]
    if not req.ctx.is_admin:
        for key in _SORT_ADMIN:
            if key in keys:
                raise Forbidden(f"Only administrators can sort servers by {key}")
    pairs = list(dict(reversed(pairs)).items())[::-1] or [("created_at", "desc")]
    return tuple(key for key, _ in pairs), tuple(way for _, way in pairs)


def _tags(value: str | UnsetType) -> tuple[str, ...]:
    return () if isinstance(value, UnsetType) else tuple(value.split(","))


def _is_plain(asked: ServerQuery, filters: dict[str, Any], states: tuple[Any, ...]) -> bool:
    narrowing = (
        asked.limit, asked.marker, asked.sort_key, asked.sort_dir, asked.changes_since, asked.changes_before,
        asked.tags, asked.tags_any, asked.not_tags, asked.not_tags_any,
    )  # fmt: skip
    return not states and not (filters.keys() - {"project_id"}) and all(one is UNSET for one in narrowing)
