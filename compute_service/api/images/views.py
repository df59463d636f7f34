"""What images look like in an answer. Source: Compute API reference, "Images"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.links import Link, Links
from compute_service.api.shape import View
from compute_service.control.old_images import metadata_of

_STATUSES = {
    "active": "ACTIVE",
    "queued": "SAVING",
    "saving": "SAVING",
    "deleted": "DELETED",
    "pending_delete": "DELETED",
    "killed": "ERROR",
}
_PROGRESS = {"queued": 25, "saving": 50, "active": 100}


class Alternate(Link):
    """A link to another kind of thing."""

    type: str


class ServerOf(View):
    """The server that an image was made of."""

    id: str
    links: list[Link]


class ImageBrief(View):
    """An image in a list."""

    id: str
    name: str | None
    links: list[Link | Alternate]


class ImageView(ImageBrief):
    """An image."""

    minDisk: int
    minRam: int
    metadata: dict[str, str | None]
    created: str | None
    updated: str | None
    status: str
    progress: int
    size: int | None = msgspec.field(name="OS-EXT-IMG-SIZE:size")
    disk_config: str | UnsetType = msgspec.field(default=UNSET, name="OS-DCF:diskConfig")
    server: ServerOf | UnsetType = UNSET


class ImageList(View):
    """GET /images."""

    images: list[ImageBrief]
    images_links: list[Link] | UnsetType = UNSET


class ImageDetails(View):
    """GET /images/detail."""

    images: list[ImageView]
    images_links: list[Link] | UnsetType = UNSET


class ImageShown(View):
    """GET /images/{image_id}."""

    image: ImageView


class MetadataView(View):
    """An image's metadata."""

    metadata: dict[str, str | None]


class ItemView(View):
    """One item of it."""

    meta: dict[str, str | None]


def brief(image: Mapping[str, Any], links: Links, address: str) -> ImageBrief:
    """Return an image for a list; `address` is the image service's."""
    return ImageBrief(id=image["id"], name=image.get("name"), links=_links(image["id"], links, address))


def whole(image: Mapping[str, Any], links: Links, address: str) -> ImageView:
    """Return an image; `address` is the image service's."""
    made_of = image.get("instance_uuid")
    automatic = image.get("auto_disk_config")
    return ImageView(
        id=image["id"],
        name=image.get("name"),
        links=_links(image["id"], links, address),
        minDisk=int(image.get("min_disk") or 0),
        minRam=int(image.get("min_ram") or 0),
        metadata=metadata_of(image),
        created=image.get("created_at"),
        updated=image.get("updated_at"),
        status=_STATUSES.get(image["status"], "UNKNOWN"),
        progress=_PROGRESS.get(image["status"], 0),
        size=image.get("size"),
        disk_config=UNSET if automatic is None else ("AUTO" if automatic.lower() == "true" else "MANUAL"),
        server=ServerOf(id=made_of, links=links.of(f"servers/{made_of}")) if made_of else UNSET,
    )


def _links(image_id: str, links: Links, address: str) -> list[Link | Alternate]:
    other = Alternate(
        rel="alternate", type="application/vnd.openstack.image", href=f"{address}/images/{image_id}"
    )
    return [*links.of(f"images/{image_id}"), other]
