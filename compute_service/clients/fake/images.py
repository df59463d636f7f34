"""The image service in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from compute_service.clients.clock import SystemClock
from compute_service.clients.fake.faults import Faults
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Forbidden, NotFound
from compute_service.domain.image import Image
from compute_service.ports.clock import Clock

PIECE = 64 * 1024
"""Bytes in one piece of a download."""
DEFAULT_OWNER = "service"
"""The project of images that the service makes as itself."""


class FakeImages(Faults):
    """Image records with their data in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._images: dict[str, Image] = {}
        self._data: dict[str, bytes] = {}
        self._members: dict[str, set[str]] = {}
        self._tags: dict[str, tuple[str, ...]] = {}

    @property
    def images(self) -> dict[str, Image]:
        """All records by identifier."""
        with self._lock:
            return dict(self._images)

    @property
    def data(self) -> dict[str, bytes]:
        """The stored data by identifier."""
        with self._lock:
            return dict(self._data)

    def add(self, image: Image, data: bytes = b"") -> Image:
        """Put a record and its data there as they are; size and hashes are worked out."""
        with self._lock:
            now = self._clock.now()
            made = _hashed(image.replace(created_at=now, updated_at=now), data)
            self._images[image.id] = made
            if image.status in ("active", "deactivated"):
                self._data[image.id] = data
            return made

    def share(self, image_id: str, project_id: str) -> None:
        """Let a project see a `shared` image."""
        with self._lock:
            self._members.setdefault(image_id, set()).add(project_id)

    def members_of(self, image_id: str) -> list[str]:
        """Return the projects that a `shared` image is shared with."""
        with self._lock:
            return sorted(self._members.get(image_id, ()))

    def tag(self, image_id: str, tags: Iterable[str]) -> None:
        """Replace an image's tags."""
        with self._lock:
            self._tags[image_id] = tuple(dict.fromkeys(tags))

    def tags_of(self, image_id: str) -> tuple[str, ...]:
        """Return an image's tags."""
        return self._tags.get(image_id, ())

    def visible(self, image: Image, project_id: str, is_admin: bool) -> bool:
        """Tell whether a project may see an image."""
        if is_admin or image.visibility in ("public", "community") or image.owner == project_id:
            return True
        return image.visibility == "shared" and project_id in self._members.get(image.id, ())

    def show(self, image_id: str, ctx: Context | None = None) -> Image:
        """Return one image. Raises NotFound when it is not there or not visible."""
        with self._call("show"):
            found = self._images.get(image_id)
            if found is None or (ctx and not self.visible(found, ctx.project_id, ctx.is_admin)):
                raise NotFound(f"Image {image_id} could not be found.")
            return found

    def create(self, image: Image, ctx: Context | None = None) -> Image:
        """Make a record without data; one that is already ours is returned as it is.

        Raises Conflict, and Forbidden when a user who is no admin makes a public image."""
        with self._call("create"):
            if ctx is not None and not ctx.is_admin and image.visibility == "public":
                raise Forbidden("You are not authorized to complete publicize_image action.")
            owner = image.owner or (ctx.project_id if ctx else DEFAULT_OWNER)
            found = self._images.get(image.id)
            if found is not None:
                if found.owner == owner:
                    return found
                raise Conflict(f"Image ID {image.id} already exists!")
            now = self._clock.now()
            made = image.replace(status="queued", size=0, owner=owner, created_at=now, updated_at=now)
            self._images[image.id] = made
            return made

    def update(self, image_id: str, **changes: object) -> Image:
        """Change fields of a record. Raises NotFound."""
        with self._call("update"):
            changed = self._known(image_id).replace(**changes, updated_at=self._clock.now())
            self._images[image_id] = changed
            return changed

    def delete(self, image_id: str) -> None:
        """Delete; an image that is gone is fine. Raises Forbidden when it is protected."""
        with self._call("delete"):
            found = self._images.get(image_id)
            if found is not None and found.protected:
                raise Forbidden(f"Image {image_id} is protected and cannot be deleted.")
            for table in (self._images, self._data, self._members, self._tags):
                table.pop(image_id, None)

    def find(self, properties: Mapping[str, str]) -> tuple[Image, ...]:
        """Return all images that have these properties, newest first."""
        with self._call("find"):
            found = [i for i in self._images.values() if properties.items() <= i.properties.items()]
            # Of those of the same moment the one that was made last comes first.
            return tuple(sorted(reversed(found), key=lambda i: i.created_at or datetime.min, reverse=True))

    def download(self, image_id: str) -> Iterator[bytes]:
        """Yield the image's data in pieces. Raises NotFound, Conflict (no data), Forbidden (deactivated)."""
        with self._call("download"):
            found = self._known(image_id)
            if found.status == "deactivated":
                raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
            if image_id not in self._data:
                raise Conflict(f"Image {image_id} has no data.")
            data = self._data[image_id]
        return (data[at : at + PIECE] for at in range(0, len(data), PIECE))

    def upload(self, image_id: str, data: Iterator[bytes], disk_format: str) -> None:
        """Store the data of a queued image; a no-op when it is already active. Raises NotFound, Conflict."""
        with self._call("upload"):
            found = self._known(image_id)
            if found.status == "active":
                return
            if found.status != "queued":
                raise Conflict(f"Image {image_id} is {found.status}; data can be stored only while queued.")
            self._images[image_id] = found.replace(status="saving")
        try:
            stored = b"".join(data)
        except BaseException:
            self._restore(found)
            raise
        self._activate(found.replace(disk_format=disk_format), stored)

    def _known(self, image_id: str) -> Image:
        found = self._images.get(image_id)
        if found is None:
            raise NotFound(f"Image {image_id} could not be found.")
        return found

    def _restore(self, image: Image) -> None:
        with self._lock:
            if image.id in self._images:
                self._images[image.id] = image

    def _activate(self, image: Image, data: bytes) -> None:
        with self._lock:
            self._known(image.id)
            self._data[image.id] = data
            self._images[image.id] = _hashed(
                image.replace(status="active", updated_at=self._clock.now()), data
            )


def _hashed(image: Image, data: bytes) -> Image:
    return image.replace(
        size=len(data) or image.size,
        checksum=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        hash_algo="sha512",
        hash_value=hashlib.sha512(data).hexdigest(),
    )
