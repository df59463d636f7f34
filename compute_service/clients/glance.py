"""The image service over HTTP. Source: Image service API reference, version 2."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import requests

from compute_service.clients.http import Reach, RestClient, part
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Conflict, NotFound, Unavailable
from compute_service.domain.image import Image

PIECE = 64 * 1024
"""Bytes in one piece of a download."""
PAGE = 100
"""Images in one answer to a search."""
_PATCH = "application/openstack-images-v2.1-json-patch"
NOT_PROPERTIES = frozenset(
    (
        "id",
        "name",
        "status",
        "size",
        "virtual_size",
        "min_disk",
        "min_ram",
        "disk_format",
        "container_format",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "os_hidden",
        "owner",
        "visibility",
        "protected",
        "created_at",
        "updated_at",
        "tags",
        "self",
        "file",
        "schema",
        "direct_url",
        "locations",
        "stores",
    )
)
"""Fields of an image's body that are the service's own; all others are extra properties."""


class GlanceImages:
    """The `Images` port over HTTP."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._rest = RestClient(reach)

    def show(self, image_id: str, ctx: Context | None = None) -> Image:
        """Return one image. Raises NotFound when it is not there or not visible."""
        image = image_of(self._rest.json("GET", f"/v2/images/{part(image_id)}", ctx=ctx))
        if ctx is not None and ctx.token is None and not self._visible(image, ctx):
            raise NotFound(f"Image {image_id} could not be found.")
        return image

    def create(self, image: Image, ctx: Context | None = None) -> Image:
        """Make a record without data under `image.id`; one that is already ours is returned as it is."""
        body: dict[str, Any] = {
            **image.properties,
            "id": image.id,
            "name": image.name,
            "visibility": image.visibility,
            "container_format": image.container_format,
            "disk_format": image.disk_format,
            "min_disk": image.min_disk_gb,
            "min_ram": image.min_ram_mb,
            "protected": image.protected,
        }
        owner = image.owner or (ctx.project_id if ctx else None)
        if image.owner is not None or (ctx is not None and ctx.token is None):
            body["owner"] = owner
        try:
            return image_of(self._rest.json("POST", "/v2/images", body=body, ctx=ctx))
        except Conflict:
            try:
                found = self.show(image.id, ctx)
            except NotFound:
                found = None
            if found is None or found.owner != (
                owner or self._reach.session.get_project_id(self._reach.auth)
            ):
                raise
            return found

    def delete(self, image_id: str) -> None:
        """Delete; an image that is gone is fine. Raises Forbidden when it is protected."""
        self._rest.delete(f"/v2/images/{part(image_id)}")

    def find(self, properties: Mapping[str, str]) -> tuple[Image, ...]:
        """Return all images that have these properties, newest first."""
        query: dict[str, Any] = {**properties, "sort": "created_at:desc,id:desc", "limit": PAGE}
        found: list[Image] = []
        while True:
            body = self._rest.json("GET", "/v2/images", query=query)
            found += [image_of(one) for one in body["images"]]
            if not body.get("next") or not body["images"]:
                return tuple(found)
            query["marker"] = found[-1].id

    def download(self, image_id: str) -> Iterator[bytes]:
        """Yield the image's data in pieces, and at their end compare it with the image's hash.

        Raises NotFound, Forbidden (deactivated), Conflict (no data), and while reading Unavailable.
        """
        image = self.show(image_id)
        response = self._rest.call(
            "GET",
            f"/v2/images/{part(image_id)}/file",
            stream=True,
            headers={"Accept": "application/octet-stream"},
        )
        if response.status_code == requests.codes.no_content:
            response.close()
            raise Conflict(f"Image {image_id} has no data.")
        return _checked(response, image)

    def upload(self, image_id: str, data: Iterator[bytes], disk_format: str) -> None:
        """Store the data of a queued image; a no-op when it is already active.

        Raises NotFound, Conflict, and whatever `data` raises."""
        image = self.show(image_id)
        if image.status == "active":
            return
        if image.disk_format != disk_format:
            change = [{"op": "replace", "path": "/disk_format", "value": disk_format}]
            path = f"/v2/images/{part(image_id)}"
            self._rest.call("PATCH", path, body=change, headers={"Content-Type": _PATCH})
        headers = {"Content-Type": "application/octet-stream"}
        source = _Source(data)
        try:
            self._rest.call("PUT", f"/v2/images/{part(image_id)}/file", data=source, headers=headers)
        except ComputeError:
            if source.error is not None:
                raise source.error from None
            raise

    def _visible(self, image: Image, ctx: Context) -> bool:
        """Tell whether a user whose token we do not have sees an image."""
        if ctx.is_admin or image.visibility in ("public", "community") or image.owner == ctx.project_id:
            return True
        path = f"/v2/images/{part(image.id)}/members/{part(ctx.project_id)}"
        return image.visibility == "shared" and self._rest.find(path) is not None


class _Source:
    """Data on its way out, which remembers when it was the data that failed and not the service."""

    def __init__(self, data: Iterator[bytes]) -> None:
        self._data = data
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._data
        except Exception as error:
            self.error = error
            raise


def image_of(body: dict[str, Any]) -> Image:
    """Return an image from the body that shows it."""
    return Image(
        id=body["id"],
        name=body.get("name") or "",
        status=body["status"],
        size=body.get("size") or 0,
        min_disk_gb=body.get("min_disk") or 0,
        min_ram_mb=body.get("min_ram") or 0,
        disk_format=body.get("disk_format") or "",
        container_format=body.get("container_format") or "",
        checksum=body.get("checksum"),
        hash_algo=body.get("os_hash_algo"),
        hash_value=body.get("os_hash_value"),
        owner=body.get("owner"),
        visibility=body.get("visibility") or "private",
        protected=bool(body.get("protected")),
        created_at=_moment(body.get("created_at")),
        updated_at=_moment(body.get("updated_at")),
        properties={
            name: str(value)
            for name, value in body.items()
            if name not in NOT_PROPERTIES and value is not None
        },
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


def _checked(response: requests.Response, image: Image) -> Iterator[bytes]:
    known = image.hash_value is not None and image.hash_algo in hashlib.algorithms_available
    digest = hashlib.new(image.hash_algo or "") if known else None
    try:
        for piece in response.iter_content(PIECE):
            if digest is not None:
                digest.update(piece)
            yield piece
    except requests.RequestException as error:
        raise Unavailable(f"The data of image {image.id} broke off: {error}") from error
    finally:
        response.close()
    if digest is not None and digest.hexdigest() != image.hash_value:
        raise Unavailable(f"The data of image {image.id} arrived damaged.")
