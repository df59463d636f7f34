"""The image service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from compute_service.domain.context import Context
from compute_service.domain.image import Image


class Images(Protocol):
    """Images and their data. Errors: NotFound, Forbidden, Conflict, Unavailable.

    With a context, a call is made as that user; without one, as the service itself.
    """

    def show(self, image_id: str, ctx: Context | None = None) -> Image:
        """Return one image. Raises NotFound when it is not there or not visible."""

    def create(self, image: Image, ctx: Context | None = None) -> Image:
        """Make a record without data under `image.id`; one that is already ours is returned as it is."""

    def delete(self, image_id: str) -> None:
        """Delete; an image that is gone is fine."""

    def find(self, properties: Mapping[str, str]) -> tuple[Image, ...]:
        """Return all images that have these properties, newest first."""

    def download(self, image_id: str) -> Iterator[bytes]:
        """Yield the image's data in pieces."""

    def upload(self, image_id: str, data: Iterator[bytes], disk_format: str) -> None:
        """Store the data of a queued image; a no-op when it is already active."""
