"""Flavors with their extra specs and the projects that may use them (API database)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, and_, bindparam, delete, exists, insert, or_, select, update

from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.flavor import Flavor
from compute_service.domain.record import Record
from compute_service.store.database import Tx, Values
from compute_service.store.sql import beyond, insert_new, ordered, upsert
from compute_service.store.tables.catalog import flavor_extra_specs, flavor_projects, flavors

_t = flavors.c
_COLUMNS = (
    "id",
    "flavorid",
    "name",
    "vcpus",
    "memory_mb",
    "root_gb",
    "ephemeral_gb",
    "swap_mb",
    "rxtx_factor",
    "is_public",
    "disabled",
    "description",
    "created_at",
    "updated_at",
)
_SELECT = select(*(_t[name] for name in _COLUMNS))

_e, _p = flavor_extra_specs.c, flavor_projects.c
_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
_SPECS = select(_e.flavor_id, _e.key, _e.value).where(_e.flavor_id.in_(_WANTED)).order_by(_e.key)
_PROJECTS = select(_p.flavor_id, _p.project_id).where(_p.flavor_id.in_(_WANTED)).order_by(_p.project_id)
_ONE = (
    select(*_SELECT.selected_columns, _e.key, _e.value)
    .select_from(flavors.outerjoin(flavor_extra_specs, _e.flavor_id == _t.id))
    .where(_t.flavorid == bindparam("wanted"))
    .order_by(_e.key)
)

SORT_KEYS: Final[dict[str, str]] = {
    **{name: name for name in _COLUMNS if name != "swap_mb"},
    "swap": "swap_mb",
    "vcpu_weight": "id",
}
"""What flavors can be sorted by, and the column. Source: Compute API reference, Flavors, `sort_key`."""


class FlavorQuery(Record):
    """Which flavors are wanted, in which order."""

    project_id: str | None = None
    """Whose: public ones and those this project may use. None: an admin's view, all of them."""
    is_public: bool | None = None
    """True: public ones; False: private ones; None: both."""
    disabled: bool | None = None
    min_ram: int | None = None
    min_disk: int | None = None
    names: tuple[str, ...] = ()
    """Any of these names exactly."""
    sort_key: str = "flavorid"
    sort_dir: str = "asc"
    marker: str | None = None
    """The flavorid of the last flavor of the page before."""
    limit: int | None = None


def _flavors(
    tx: Tx, rows: Sequence[Values], extra_specs: bool = True, projects: bool = False
) -> list[Flavor]:
    """Make flavors of rows: one more statement for all extra specs, and one for all projects if asked."""
    ids = [row[0] for row in rows]
    specs: dict[int, dict[str, str]] = {}
    access: dict[int, list[str]] = {}
    if ids and extra_specs:
        for flavor_id, key, value in tx.all(_SPECS, {"wanted": ids}):
            specs.setdefault(flavor_id, {})[key] = value
    if ids and projects:
        for flavor_id, project_id in tx.all(_PROJECTS, {"wanted": ids}):
            access.setdefault(flavor_id, []).append(project_id)
    return [
        Flavor(
            **{
                **dict(zip(_COLUMNS, row, strict=True)),
                "is_public": bool(row[9]),
                "disabled": bool(row[10]),
                "extra_specs": specs.get(row[0], {}),
                "projects": tuple(access.get(row[0], ())),
            }
        )
        for row in rows
    ]


def flavor_insert(tx: Tx, flavor: Flavor) -> Flavor:
    """Add a flavor with its extra specs and projects. Raises Conflict when its name or flavorid is taken."""
    values = {name: getattr(flavor, name) for name in _COLUMNS if name != "id"}
    values["created_at"] = flavor.created_at or tx.now()
    new = insert_new(tx, flavors, values)
    if new is None:
        taken = flavor_get(tx, flavor.flavorid)
        what = f"ID {flavor.flavorid}" if taken is not None else f"name {flavor.name}"
        raise Conflict(f"Flavor with {what} already exists.")
    if flavor.extra_specs:
        rows = [{"flavor_id": new, "key": key, "value": value} for key, value in flavor.extra_specs.items()]
        tx.execute(insert(flavor_extra_specs), rows)
    if flavor.projects:
        tx.execute(insert(flavor_projects), [{"flavor_id": new, "project_id": p} for p in flavor.projects])
    return flavor.replace(id=new, created_at=values["created_at"])


def flavor_get(tx: Tx, flavorid: str, projects: bool = False) -> Flavor | None:
    """Return a flavor with its extra specs (and projects, if asked, by another statement), or None."""
    rows = tx.all(_ONE, {"wanted": flavorid})
    if not rows:
        return None
    width = len(_COLUMNS)
    (found,) = _flavors(tx, [rows[0][:width]], extra_specs=False, projects=projects)
    return found.replace(extra_specs={row[width]: row[width + 1] for row in rows if row[width] is not None})


def flavors_get(tx: Tx, flavorids: Iterable[str]) -> dict[str, Flavor]:
    """Return those of some flavors that exist, by flavorid, with extra specs, in two statements."""
    rows = tx.all(_SELECT.where(_t.flavorid.in_(list(flavorids))))
    return {flavor.flavorid: flavor for flavor in _flavors(tx, rows)}


def flavor_page(tx: Tx, query: FlavorQuery, extra_specs: bool = True) -> list[Flavor]:
    """Return one page of flavors, in two statements (three with a marker).

    Raises Invalid for an unknown marker, sort key or direction.
    """
    if query.sort_key not in SORT_KEYS:
        raise Invalid(f"Flavors cannot be sorted by {query.sort_key}.")
    if query.sort_dir not in ("asc", "desc"):
        raise Invalid(f"{query.sort_dir} is not a sort direction.")
    descending = query.sort_dir == "desc"
    column = _t[SORT_KEYS[query.sort_key]]
    statement = _SELECT.where(*_conditions(query))
    if query.marker is not None:
        last = tx.one(select(column, _t.id).where(_t.flavorid == query.marker))
        if last is None:
            raise Invalid(f"marker [{query.marker}] not found")
        statement = statement.where(beyond([(column, descending, last[0]), (_t.id, descending, last[1])]))
    statement = statement.order_by(
        ordered(tx.dialect, column, descending), ordered(tx.dialect, _t.id, descending)
    )
    rows = tx.all(statement if query.limit is None else statement.limit(query.limit))
    return _flavors(tx, rows, extra_specs)


def _conditions(query: FlavorQuery) -> list[Any]:
    conditions: list[Any] = []
    if query.project_id is not None:
        p = flavor_projects.c
        granted = exists().where(p.flavor_id == _t.id, p.project_id == query.project_id)
        conditions.append(or_(_t.is_public.is_(True), granted))
    if query.is_public is not None:
        conditions.append(_t.is_public.is_(query.is_public))
    if query.disabled is not None:
        conditions.append(_t.disabled.is_(query.disabled))
    if query.min_ram is not None:
        conditions.append(_t.memory_mb >= query.min_ram)
    if query.min_disk is not None:
        conditions.append(_t.root_gb >= query.min_disk)
    if query.names:
        conditions.append(_t.name.in_(query.names))
    return [and_(*conditions)] if conditions else []


def flavor_set_description(tx: Tx, flavorid: str, description: str | None) -> Flavor:
    """Change a flavor's description. Raises NotFound."""
    statement = update(flavors).where(_t.flavorid == flavorid)
    tx.execute(statement.values(description=description, updated_at=tx.now()))
    return _required(flavor_get(tx, flavorid), flavorid)


def flavor_delete(tx: Tx, flavorid: str) -> bool:
    """Remove a flavor with what hangs on it; servers keep their copy. Returns whether it was there."""
    return tx.execute(delete(flavors).where(_t.flavorid == flavorid)).rowcount == 1


def _required(flavor: Flavor | None, flavorid: str) -> Flavor:
    if flavor is None:
        raise NotFound(f"Flavor {flavorid} could not be found.")
    return flavor


def _id(tx: Tx, flavorid: str) -> int:
    found = tx.scalar(select(_t.id).where(_t.flavorid == flavorid))
    if found is None:
        raise NotFound(f"Flavor {flavorid} could not be found.")
    return int(found)


def flavor_set_extra_specs(tx: Tx, flavorid: str, specs: Mapping[str, str]) -> None:
    """Add extra specs, or change their values; others stay. Raises NotFound."""
    flavor_id = _id(tx, flavorid)
    rows = [{"flavor_id": flavor_id, "key": key, "value": value} for key, value in specs.items()]
    upsert(tx, flavor_extra_specs, rows, ("flavor_id", "key"))


def flavor_delete_extra_spec(tx: Tx, flavorid: str, key: str) -> bool:
    """Remove one extra spec; returns whether it was there. Raises NotFound for an unknown flavor."""
    e = flavor_extra_specs.c
    statement = delete(flavor_extra_specs).where(e.flavor_id == _id(tx, flavorid), e.key == key)
    return tx.execute(statement).rowcount == 1


def flavor_projects_of(tx: Tx, flavorid: str) -> tuple[str, ...]:
    """Return the projects that may use a private flavor. Raises NotFound."""
    p = flavor_projects.c
    statement = select(p.project_id).where(p.flavor_id == _id(tx, flavorid)).order_by(p.project_id)
    return tuple(row[0] for row in tx.all(statement))


def flavor_add_project(tx: Tx, flavorid: str, project_id: str) -> None:
    """Let a project use a private flavor. Raises NotFound, or Conflict when it may already."""
    new = insert_new(tx, flavor_projects, {"flavor_id": _id(tx, flavorid), "project_id": project_id})
    if new is None:
        raise Conflict(f"Flavor access already exists for flavor {flavorid} and project {project_id}.")


def flavor_remove_project(tx: Tx, flavorid: str, project_id: str) -> bool:
    """Take a private flavor from a project; returns whether it could use it. Raises NotFound."""
    p = flavor_projects.c
    statement = delete(flavor_projects).where(p.flavor_id == _id(tx, flavorid), p.project_id == project_id)
    return tx.execute(statement).rowcount == 1
