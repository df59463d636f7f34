"""`InstanceQuery`: which servers a list shows, and the statement that finds them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, literal, not_, or_, select

from compute_service.domain.errors import Invalid
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.domain.states import TaskState, VmState, overriding_tasks
from compute_service.store.instance_rows import COLUMNS, DOCUMENTS
from compute_service.store.sql import beyond, matches, ordered
from compute_service.store.tables.instances import instances, tags

SORT_KEYS: Final[dict[str, str]] = {
    name: name
    for name in (
        "access_ip_v4",
        "access_ip_v6",
        "auto_disk_config",
        "availability_zone",
        "config_drive",
        "created_at",
        "display_description",
        "display_name",
        "host",
        "hostname",
        "image_ref",
        "kernel_id",
        "key_name",
        "launch_index",
        "launched_at",
        "locked",
        "locked_by",
        "node",
        "power_state",
        "progress",
        "project_id",
        "ramdisk_id",
        "root_device_name",
        "task_state",
        "terminated_at",
        "updated_at",
        "user_id",
        "uuid",
        "vm_state",
    )
} | {"instance_type_id": "flavorid"}
"""What servers can be sorted by, and the column. Source: Compute API reference, Servers, `sort_key`."""

EXACT: Final = frozenset(
    {
        "uuid",
        "project_id",
        "user_id",
        "image_ref",
        "flavorid",
        "vm_state",
        "task_state",
        "host",
        "group_uuid",
    }
)
"""Text columns that a filter compares whole; other texts are searched for a regular expression."""

_OTHER_NAMES: Final = {
    "name": "display_name",
    "description": "display_description",
    "image": "image_ref",
    "flavor": "flavorid",
    "tenant_id": "project_id",
    "instance_type_id": "flavorid",
    "ip": "addresses_v4",
    "ip6": "addresses_v6",
}
_NEVER: Final = frozenset({"deleted", "generation", "id", *DOCUMENTS})
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_TRUTH: Final = {
    **dict.fromkeys(("1", "t", "true", "on", "y", "yes"), True),
    **dict.fromkeys(("0", "f", "false", "off", "n", "no", ""), False),
}


def _tags_column() -> ColumnElement[Any]:
    joined = func.aggregate_strings(tags.c.tag, ",")
    return select(joined).where(tags.c.instance_uuid == instances.c.uuid).scalar_subquery()


SELECT: Final = select(*COLUMNS)
"""Selects what `instance_of` needs. Made once: fifty columns take longer to put together than to read."""
SELECT_WITH_TAGS: Final = select(*COLUMNS, _tags_column())
"""The same, and the tags joined by commas, which no tag has."""


class InstanceQuery(Record):
    """Which servers are wanted, in which order.

    `filters` maps a column (or `name`, `image`, `flavor`, `description`, `tenant_id`, `ip`, `ip6`) to a
    value or a tuple of values of which any will do. Texts not in EXACT are searched for the value as a
    regular expression, whatever the case; None finds rows without a value.
    """

    project_id: str | None = None
    filters: dict[str, Any] = {}
    states: tuple[tuple[VmState, TaskState | None], ...] = ()
    """Pairs as of `domain.states.states_of`; any will do."""
    uuids: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    """Has all of these."""
    tags_any: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    """Lacks at least one of these."""
    not_tags_any: tuple[str, ...] = ()
    """Has none of these."""
    deleted: bool | None = False
    """False: living servers; True: deleted ones; None: both, soft-deleted ones too."""
    soft_deleted: bool = False
    """Also servers in state soft-delete, left out otherwise unless a filter names the state."""
    changes_since: datetime | None = None
    changes_before: datetime | None = None
    active_between: tuple[datetime, datetime] | None = None
    """Servers that ran at some time between these two."""
    sort_keys: tuple[str, ...] = ("created_at",)
    sort_dirs: tuple[str, ...] = ("desc",)
    """`asc` or `desc` for each key; the last one holds for the keys left over."""
    marker: str | None = None
    """The UUID of the last server of the page before."""
    limit: int | None = None
    with_tags: bool = False


def sort_terms(query: InstanceQuery) -> list[tuple[str, bool]]:
    """Return the columns to sort by and whether each descends; `uuid` makes the order whole.

    Raises Invalid for an unknown key or direction.
    """
    terms: list[tuple[str, bool]] = []
    direction = "asc" if query.sort_keys else "desc"
    for number, key in enumerate(query.sort_keys or ("created_at",)):
        direction = query.sort_dirs[number] if number < len(query.sort_dirs) else direction
        if key not in SORT_KEYS:
            raise Invalid(f"Servers cannot be sorted by {key}.")
        if direction not in ("asc", "desc"):
            raise Invalid(f"{direction} is not a sort direction.")
        terms.append((SORT_KEYS[key], direction == "desc"))
    if all(name != "uuid" for name, _ in terms):
        terms.append(("uuid", terms[-1][1]))
    return terms


def sort_value(instance: Instance, column: str) -> Any:
    """Return what an instance has in a sort column."""
    if column == "flavorid":
        return instance.flavor.flavorid
    if column == "updated_at":
        return instance.updated_at or instance.created_at
    value = getattr(instance, column)
    return str(value) if isinstance(value, VmState | TaskState) else value


def page_statement(dialect: str, query: InstanceQuery, after: Instance | None) -> Select[Any]:
    """Return the statement for one page, behind `after` if given, as a dialect (`Tx.dialect`) wants it."""
    return _page(SELECT_WITH_TAGS if query.with_tags else SELECT, dialect, query, after)


def names_statement(dialect: str, query: InstanceQuery, after: Instance | None) -> Select[Any]:
    """As `page_statement`, for UUID and name, followed by the values of `sort_terms`."""
    sorted_by = (_column(name).label(f"by_{name}") for name, _ in sort_terms(query))
    return _page(select(instances.c.uuid, instances.c.display_name, *sorted_by), dialect, query, after)


def _page(statement: Select[Any], dialect: str, query: InstanceQuery, after: Instance | None) -> Select[Any]:
    terms = sort_terms(query)
    conditions = [*_scope(query), *_tagged(query)]
    for name, value in query.filters.items():
        conditions.append(_filter(dialect, name, value))
    if query.states:
        conditions.append(or_(*(_state(vm, task) for vm, task in query.states)))
    if after is not None:
        conditions.extend(_behind(terms, after))
    index = _index_in_order(query)
    if index is not None:
        statement = statement.with_hint(instances, f"FORCE INDEX ({index})", "mysql")
    sure = () if query.active_between is None else ("launched_at",)
    order = [ordered(dialect, instances.c[name], descending, name in sure) for name, descending in terms]
    if query.limit is None:
        return statement.where(*conditions).order_by(*order)
    if not query.deleted:
        return statement.where(*conditions).order_by(*order).limit(query.limit)
    # No index has all deleted servers in order. Of those that are sorted, only the few shown are read whole.
    few = select(instances.c.id).where(*conditions).order_by(*order).limit(query.limit).subquery("few")
    return statement.join(few, few.c.id == instances.c.id).order_by(*order)


_NARROW: Final = frozenset({"uuid", "host", "reservation_id", "project_id", "tenant_id", "vm_state"})
"""Filters that an index of their own serves."""


def _index_in_order(query: InstanceQuery) -> str | None:
    """Return the index to read a list from, newest first, when nothing narrows it down any better.

    MariaDB has to be told: for the first page it prefers the servers of all projects to those of the one that
    is asked for, and for a later page it begins at the newest of all servers.
    """
    narrowed = query.uuids is not None or query.states or query.tags or query.tags_any
    changed = query.changes_since or query.changes_before or query.active_between
    newest_first = sort_terms(query)[0][0] == "created_at"
    if (
        narrowed
        or changed
        or not newest_first
        or query.deleted is not False
        or _NARROW & query.filters.keys()
    ):
        return None
    return "instances_all" if query.project_id is None else "instances_project"


def _behind(terms: list[tuple[str, bool]], after: Instance) -> list[ColumnElement[bool]]:
    found = [(_column(name), descending, sort_value(after, name)) for name, descending in terms]
    conditions = [beyond(found)]
    first, descending, value = found[0]
    if value is not None and not (descending and getattr(first, "nullable", True)):
        # Implied by the rest, but in a form that a database turns into the start of an index scan.
        bound = literal(value, first.type)
        conditions.append(first <= bound if descending else first >= bound)
    return conditions


def _column(name: str) -> ColumnElement[Any]:
    return instances.c[name]


def _scope(query: InstanceQuery) -> list[ColumnElement[bool]]:
    t = instances.c
    conditions: list[ColumnElement[bool]] = []
    if query.project_id is not None:
        conditions.append(t.project_id == query.project_id)
    if query.uuids is not None:
        conditions.append(t.uuid.in_(query.uuids))
    soft = t.vm_state == VmState.SOFT_DELETED.value
    if query.deleted is False:
        conditions.append(t.deleted == 0)
        if not (query.soft_deleted or _names_soft_deleted(query)):
            conditions.append(not_(soft))
    elif query.deleted:
        # Said so that each side is one stretch of an index.
        gone, kept = t.deleted > 0, and_(t.deleted == 0, soft)
        conditions.append(or_(gone, kept) if query.soft_deleted else gone)
    if query.changes_since is not None:
        conditions.append(t.updated_at >= query.changes_since)
    if query.changes_before is not None:
        conditions.append(t.updated_at <= query.changes_before)
    if query.active_between is not None:
        begin, end = query.active_between
        conditions.append(and_(t.launched_at < end, or_(t.terminated_at.is_(None), t.terminated_at > begin)))
    return conditions


def _names_soft_deleted(query: InstanceQuery) -> bool:
    wanted = query.filters.get("vm_state")
    named = wanted if isinstance(wanted, tuple | list) else (wanted,)
    return VmState.SOFT_DELETED in named or any(vm is VmState.SOFT_DELETED for vm, _ in query.states)


def _state(vm_state: VmState, task: TaskState | None) -> ColumnElement[bool]:
    t = instances.c
    same = t.vm_state == vm_state.value
    if task is not None:
        return and_(same, t.task_state == task.value)
    shown_otherwise = [other.value for other in overriding_tasks(vm_state)]
    if not shown_otherwise:
        return same
    return and_(same, or_(t.task_state.is_(None), t.task_state.not_in(shown_otherwise)))


def _filter(dialect: str, name: str, value: Any) -> ColumnElement[bool]:
    if isinstance(value, tuple | list | set | frozenset):
        return or_(false(), *(_filter(dialect, name, one) for one in value))
    column_name = _OTHER_NAMES.get(name, name)
    if column_name in _NEVER or column_name not in instances.c:
        raise Invalid(f"Servers cannot be filtered by {name}.")
    column = instances.c[column_name]
    if value is None:
        return column.is_(None)
    kind = column.type.python_type
    if kind is str and column_name not in EXACT:
        return matches(dialect, column, _pattern(value))
    wanted = _as(kind, value)
    return false() if wanted is None else column == wanted


def _as(kind: type, value: Any) -> Any:
    """Return a filter's value as the column has it, or None when no row can have it."""
    if not isinstance(value, str):
        return int(value) if kind is int else value
    if kind is bool:
        return _TRUTH.get(value.strip().lower())
    if kind is int:
        return int(value) if _NUMBER.fullmatch(value.strip()) else None
    if kind is datetime:
        try:
            found = datetime.fromisoformat(value)
            return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            return None
    return str(value)


def _pattern(value: Any) -> str:
    pattern = str(value)
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(f"{pattern} is not a valid regular expression.") from error
    return pattern


def _tagged(query: InstanceQuery) -> list[ColumnElement[bool]]:
    conditions = [_has(tag) for tag in query.tags]
    if query.tags_any:
        conditions.append(_has(*query.tags_any))
    if query.not_tags:
        conditions.append(not_(and_(*(_has(tag) for tag in query.not_tags))))
    if query.not_tags_any:
        conditions.append(not_(_has(*query.not_tags_any)))
    return conditions


def _has(*any_of: str) -> ColumnElement[bool]:
    return exists().where(tags.c.instance_uuid == instances.c.uuid, tags.c.tag.in_(any_of))
