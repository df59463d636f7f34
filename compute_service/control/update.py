"""What a user changes of a server while nothing is done on its host: name, metadata, tags and the like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compute_service.control.find import change_row
from compute_service.control.images import disk_config_of, image_of
from compute_service.control.quota import check_metadata, limits_in
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.instance import Instance
from compute_service.store.database import Tx
from compute_service.store.instances import instance_update
from compute_service.store.mappings import instance_ordered_set
from compute_service.store.servers import Located

MOST_TAGS = 50
_AS_GIVEN = frozenset({"display_name", "display_description", "hostname", "access_ip_v4", "access_ip_v6"})

Changes = Callable[[Instance], dict[str, Any]]


def update_server(ctx: Context, svc: Services, server: Located, changes: Mapping[str, Any]) -> Instance:
    """Change a server's fields and return it as it is then.

    Keys of `changes`: display_name, display_description, hostname, access_ip_v4, access_ip_v6, disk_config
    (AUTO or MANUAL), pinned_availability_zone (None unpins). Raises Invalid, Conflict.
    """

    def wanted(now: Instance) -> dict[str, Any]:
        found = {name: value for name, value in changes.items() if name in _AS_GIVEN}
        if changes.get("disk_config") is not None:
            found["auto_disk_config"] = disk_config_of(image_of(now), changes["disk_config"])
        if "pinned_availability_zone" in changes:
            zone = changes["pinned_availability_zone"]
            _check_pin(now, zone)
            found["pinned_availability_zone"] = zone
        return found

    changed = _write(ctx, svc, server, None, wanted)
    if "pinned_availability_zone" in changes:
        with svc.store.api.write() as tx:
            instance_ordered_set(tx, changed.uuid, pinned_availability_zone=changed.pinned_availability_zone)
    return changed


def _check_pin(now: Instance, zone: str | None) -> None:
    if zone is None or zone == now.pinned_availability_zone:
        return
    if now.pinned_availability_zone is not None:
        raise Conflict("Cannot change pinned availability zone directly. Unpin first.")
    if zone != now.availability_zone:
        raise Conflict("Server can only be pinned to its current availability zone.")


def metadata_replace(
    ctx: Context, svc: Services, server: Located, metadata: Mapping[str, str]
) -> dict[str, str]:
    """Replace all metadata and return it. Raises OverQuota, Locked, InvalidState."""
    return _metadata(ctx, svc, server, lambda now: dict(metadata))


def metadata_merge(
    ctx: Context, svc: Services, server: Located, metadata: Mapping[str, str]
) -> dict[str, str]:
    """Set some items, keep the others, and return all. Raises OverQuota, Locked, InvalidState."""
    return _metadata(ctx, svc, server, lambda now: {**now, **metadata})


def metadata_set(ctx: Context, svc: Services, server: Located, key: str, value: str) -> dict[str, str]:
    """Set one item and return all. Raises OverQuota, Locked, InvalidState."""
    return _metadata(ctx, svc, server, lambda now: {**now, key: value})


def metadata_delete(ctx: Context, svc: Services, server: Located, key: str) -> None:
    """Remove one item. Raises NotFound, Locked, InvalidState."""

    def without(now: Instance) -> dict[str, Any]:
        if key not in now.metadata:
            raise NotFound("Metadata item was not found")
        return {"metadata": {name: value for name, value in now.metadata.items() if name != key}}

    _write(ctx, svc, server, "delete_metadata", without)


def _metadata(
    ctx: Context, svc: Services, server: Located, change: Callable[[dict[str, str]], dict[str, str]]
) -> dict[str, str]:
    with svc.store.api.read() as tx:
        limits = limits_in(tx, svc.settings, ctx.project_id, ctx.user_id)

    def wanted(now: Instance) -> dict[str, Any]:
        metadata = change(now.metadata)
        check_metadata(limits["metadata_items"], metadata)
        return {"metadata": metadata}

    return _write(ctx, svc, server, "update_metadata", wanted).metadata


def tags_replace(ctx: Context, svc: Services, server: Located, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Replace all tags and return them. Raises Invalid (too many), InvalidState."""
    _check_tags(set(tags))
    return _write(ctx, svc, server, "update_tags", lambda now: {"tags": tuple(sorted(set(tags)))}).tags


def tags_add(ctx: Context, svc: Services, server: Located, tag: str) -> bool:
    """Add a tag; False when it was there. Raises Invalid (too many), InvalidState."""
    added = False

    def wanted(now: Instance) -> dict[str, Any]:
        nonlocal added
        added = tag not in now.tags
        _check_tags({*now.tags, tag})
        return {"tags": (*now.tags, tag)} if added else {}

    _write(ctx, svc, server, "update_tags", wanted)
    return added


def tags_delete(ctx: Context, svc: Services, server: Located, tag: str) -> None:
    """Remove a tag. Raises NotFound, InvalidState."""

    def without(now: Instance) -> dict[str, Any]:
        if tag not in now.tags:
            raise NotFound(f"Server {now.uuid} has no tag '{tag}'")
        return {"tags": tuple(one for one in now.tags if one != tag)}

    _write(ctx, svc, server, "delete_tags", without)


def tags_clear(ctx: Context, svc: Services, server: Located) -> None:
    """Remove all tags. Raises InvalidState."""
    _write(ctx, svc, server, "delete_tags", lambda now: {"tags": ()})


def _check_tags(tags: set[str]) -> None:
    if len(tags) > MOST_TAGS:
        raise Invalid(f"The number of tags exceeded the per-server limit {MOST_TAGS}")


def _write(ctx: Context, svc: Services, server: Located, key: str | None, changes: Changes) -> Instance:
    """Change a server's row if the action `key` is let in. Raises what its check or `changes` raises."""

    def change(tx: Tx, now: Instance) -> Instance:
        if key is not None:
            ACTIONS[key].check(now, ctx.is_admin)
        wanted = changes(now)
        return instance_update(tx, now, **wanted) if wanted else now

    return change_row(ctx, svc, server, change)
