"""Flavors: what projects choose from, and who may use the private ones."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from uuid import uuid4

from compute_service.control.notices import tell_flavor, tell_flavor_now
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.flavor import Flavor
from compute_service.store.flavors import (
    FlavorQuery,
    flavor_add_project,
    flavor_delete,
    flavor_delete_extra_spec,
    flavor_get,
    flavor_insert,
    flavor_page,
    flavor_projects_of,
    flavor_remove_project,
    flavor_set_description,
    flavor_set_extra_specs,
)

_MOST = 2**31 - 1
_MOST_RXTX = 3.40282e38
_ID = re.compile(r"(?! )[a-zA-Z0-9. _-]{1,255}(?<! )")
_KEY = re.compile(r"[\w.\- :]{1,255}")


def find_flavor(ctx: Context, svc: Services, flavorid: str) -> Flavor:
    """Return a flavor with its extra specs and projects. Raises NotFound, also where it may not be used."""
    with svc.store.api.read() as tx:
        found = flavor_get(tx, flavorid)
        projects = flavor_projects_of(tx, flavorid) if found is not None and not found.is_public else ()
    if found is None or not (found.is_public or ctx.is_admin or ctx.project_id in projects):
        raise NotFound(f"Flavor {flavorid} could not be found.")
    return found.replace(projects=projects)


def flavor_for(ctx: Context, svc: Services, flavor_ref: str) -> Flavor:
    """Return the flavor that a request's body names. Raises Invalid when it cannot be used."""
    try:
        found = find_flavor(ctx, svc, flavor_ref)
    except NotFound as error:
        raise Invalid(error.message) from error
    if found.disabled:
        raise Invalid(f"Flavor {flavor_ref} could not be found.")
    return found


def list_flavors(ctx: Context, svc: Services, query: FlavorQuery) -> list[Flavor]:
    """Return one page of the flavors that the requester may see; only an admin sees others' private ones."""
    mine = query if ctx.is_admin else query.replace(project_id=ctx.project_id)
    with svc.store.api.read() as tx:
        return flavor_page(tx, mine)


def create_flavor(ctx: Context, svc: Services, flavor: Flavor) -> Flavor:
    """Add a flavor; `flavorid` empty or `auto` is made up. Raises Invalid, or Conflict when it exists."""
    named = flavor.replace(
        name=flavor.name.strip(),
        flavorid=str(uuid4()) if flavor.flavorid in ("", "auto") else flavor.flavorid,
    )
    _check(named)
    with svc.store.api.write() as tx:
        made = flavor_insert(tx, named)
    tell_flavor(svc, "create", made)
    return made


def _check(flavor: Flavor) -> None:
    if not flavor.name or len(flavor.name) > 255:
        raise Invalid("A flavor's name must have 1 to 255 characters.")
    if not _ID.fullmatch(flavor.flavorid):
        raise Invalid(
            "Flavor id can only contain letters from A-Z (both cases), periods, dashes, underscores "
            "and spaces."
        )
    for name, value, least in (
        ("ram", flavor.memory_mb, 1),
        ("vcpus", flavor.vcpus, 1),
        ("disk", flavor.root_gb, 0),
        ("OS-FLV-EXT-DATA:ephemeral", flavor.ephemeral_gb, 0),
        ("swap", flavor.swap_mb, 0),
    ):
        if not least <= value <= _MOST:
            raise Invalid(f"'{name}' argument must be a whole number from {least} to {_MOST}.")
    if not (math.isfinite(flavor.rxtx_factor) and 0 < flavor.rxtx_factor <= _MOST_RXTX):
        raise Invalid("'rxtx_factor' argument must be a number above 0.")


def describe_flavor(ctx: Context, svc: Services, flavorid: str, description: str | None) -> Flavor:
    """Change a flavor's description. Raises NotFound."""
    with svc.store.api.write() as tx:
        changed = flavor_set_description(tx, flavorid, description)
        told = tell_flavor_now(svc, tx, flavorid)
    told()
    return changed


def delete_flavor(ctx: Context, svc: Services, flavorid: str) -> None:
    """Remove a flavor; servers keep their copy. Raises NotFound."""
    with svc.store.api.write() as tx:
        told = tell_flavor_now(svc, tx, flavorid, "delete")
        if not flavor_delete(tx, flavorid):
            raise NotFound(f"Flavor {flavorid} could not be found.")
    told()


def flavor_access(ctx: Context, svc: Services, flavorid: str) -> tuple[str, ...]:
    """Return the projects that may use a private flavor. Raises NotFound, also for a public one."""
    found = find_flavor(ctx, svc, flavorid)
    if found.is_public:
        raise NotFound("Access list not available for public flavors.")
    return found.projects


def add_access(
    ctx: Context, svc: Services, flavorid: str, project_id: str, public_refused: bool = True
) -> tuple[str, ...]:
    """Let a project use a private flavor and return all that may.

    `public_refused` is False below microversion 2.7. Raises NotFound, Invalid (no such project), or Conflict
    when it may already or everybody may.
    """
    found = find_flavor(ctx, svc, flavorid)
    if found.is_public and public_refused:
        raise Conflict("Can not add access to a public flavor.")
    if svc.identity.project_exists(project_id) is False:
        raise Invalid(f"Project ID {project_id} is not a valid project.")
    with svc.store.api.write() as tx:
        flavor_add_project(tx, flavorid, project_id)
        told = tell_flavor_now(svc, tx, flavorid)
        projects = flavor_projects_of(tx, flavorid)
    told()
    return projects


def remove_access(ctx: Context, svc: Services, flavorid: str, project_id: str) -> tuple[str, ...]:
    """Take a private flavor from a project and return those that still may use it. Raises NotFound."""
    with svc.store.api.write() as tx:
        if not flavor_remove_project(tx, flavorid, project_id):
            raise NotFound(f"Flavor access not found for {flavorid} / {project_id} combination.")
        told = tell_flavor_now(svc, tx, flavorid)
        projects = flavor_projects_of(tx, flavorid)
    told()
    return projects


def set_extra_specs(ctx: Context, svc: Services, flavorid: str, specs: Mapping[str, str]) -> dict[str, str]:
    """Add extra specs or change their values, and return those given. Raises NotFound, Invalid.

    Whether keys and values are known (microversion 2.86) is `extra_specs.extra_specs_check`'s to say.
    """
    for key, value in specs.items():
        if not _KEY.fullmatch(key):
            raise Invalid(
                f"Key Names '{key}' can only contain alphanumeric characters, periods, dashes, underscores, "
                "colons and spaces."
            )
        if len(str(value)) > 255:
            raise Invalid(f"The value of extra spec {key} is longer than 255 characters.")
    given = {key: str(value) for key, value in specs.items()}
    with svc.store.api.write() as tx:
        flavor_set_extra_specs(tx, flavorid, given)
        told = tell_flavor_now(svc, tx, flavorid)
    told()
    return given


def delete_extra_spec(ctx: Context, svc: Services, flavorid: str, key: str) -> None:
    """Remove one extra spec. Raises NotFound."""
    with svc.store.api.write() as tx:
        if not flavor_delete_extra_spec(tx, flavorid, key):
            raise NotFound(f"Flavor {flavorid} has no extra specs with key {key}.")
        told = tell_flavor_now(svc, tx, flavorid)
    told()
