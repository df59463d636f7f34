"""Images as the image service has them, for requests that are passed on to it as the user who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compute_service.clients.http import part
from compute_service.control.quota import limits
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound, OverQuota

_IMAGES = "/v2/images"
_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
_OWN_FIELDS = frozenset(
    {
        *("id", "name", "status", "size", "virtual_size", "min_disk", "min_ram", "disk_format"),
        *("container_format", "checksum", "os_hash_algo", "os_hash_value", "os_hidden", "owner"),
        *("visibility", "protected", "created_at", "updated_at", "tags", "self", "file", "schema"),
        *("direct_url", "locations", "stores"),
    }
)


def list_images(ctx: Context, svc: Services, filters: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return a page of images that the user sees, newest first. `filters` are the image service's own."""
    query = [*filters, ("sort_key", "created_at"), ("sort_dir", "desc")]
    found: list[dict[str, Any]] = svc.image_api.ask(ctx, "GET", _IMAGES, query=query)["images"]
    return found


def get_image(ctx: Context, svc: Services, image_id: str) -> dict[str, Any]:
    """Return one image. Raises NotFound."""
    found: dict[str, Any] = svc.image_api.ask(ctx, "GET", f"{_IMAGES}/{part(image_id)}")
    return found


def delete_image(ctx: Context, svc: Services, image_id: str) -> None:
    """Delete an image. Raises NotFound, Forbidden."""
    svc.image_api.ask(ctx, "DELETE", f"{_IMAGES}/{part(image_id)}")


def metadata_of(image: Mapping[str, Any]) -> dict[str, str | None]:
    """Return an image's properties: what it has beside the service's own fields."""
    return {name: value for name, value in image.items() if name not in _OWN_FIELDS}


def set_metadata(
    ctx: Context, svc: Services, image_id: str, items: Mapping[str, str], only: bool
) -> dict[str, str | None]:
    """Set properties and return all; `only` takes the others away. Raises NotFound, Forbidden, OverQuota."""
    had = metadata_of(get_image(ctx, svc, image_id))
    wanted = dict(items) if only else {**had, **items}
    if own := sorted(_OWN_FIELDS & items.keys()):
        raise Invalid(f"{own[0]} is a field of the image and none of its metadata.")
    most = limits(ctx, svc, ctx.project_id, ctx.user_id)["metadata_items"]
    if 0 <= most < len(wanted):
        raise OverQuota("Image metadata limit exceeded")
    changes = [
        {"op": "replace" if name in had else "add", "path": _path(name), "value": value}
        for name, value in items.items()
    ]
    changes += [{"op": "remove", "path": _path(name)} for name in had if name not in wanted]
    return _patched(ctx, svc, image_id, changes)


def delete_metadata(ctx: Context, svc: Services, image_id: str, name: str) -> None:
    """Take a property away. Raises NotFound, Forbidden."""
    if name not in metadata_of(get_image(ctx, svc, image_id)):
        raise NotFound("Invalid metadata key")
    _patched(ctx, svc, image_id, [{"op": "remove", "path": _path(name)}])


def _patched(
    ctx: Context, svc: Services, image_id: str, changes: list[dict[str, Any]]
) -> dict[str, str | None]:
    path = f"{_IMAGES}/{part(image_id)}"
    return metadata_of(svc.image_api.ask(ctx, "PATCH", path, body=changes, headers=_PATCH))


def _path(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
