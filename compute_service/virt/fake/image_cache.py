"""Images on a fake host: fetched once, checked, kept as long as guests use them and a while longer."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

from compute_service.domain.errors import (
    BuildAborted,
    Conflict,
    Forbidden,
    HostRejected,
    NotFound,
    Unavailable,
)
from compute_service.domain.image import Image
from compute_service.ports.clock import Clock
from compute_service.ports.images import Images

DISK_BYTES = 1 << 20
"""How much of an image is kept; checksums are taken over all of it."""


class ImageCache:
    """The cache of one host. An image that nobody used for `age` seconds may be pruned."""

    def __init__(self, images: Images, clock: Clock, age: float) -> None:
        self._images = images
        self._clock = clock
        self._age = age
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def get(self, image: Image) -> bytes:
        """Return what a disk keeps of an image, fetching it when it is not here.

        Raises BuildAborted when the image is gone or has no data, HostRejected when it arrives damaged or
        not at all.
        """
        with self._lock:
            found = self._kept.get(image.id)
        data = found[1] if found is not None else self._fetch(image)
        with self._lock:
            self._kept[image.id] = (self._clock.time(), data)
        return data

    def add(self, image_id: str) -> bool:
        """Fetch an image ahead of use; False when it was here. Errors: those of `Images` and of `get`."""
        with self._lock:
            if image_id in self._kept:
                return False
        self.get(self._images.show(image_id))
        return True

    def prune(self, in_use: frozenset[str]) -> list[str]:
        """Drop old images beyond those in use; return their identifiers. Using an image makes it young."""
        now = self._clock.time()
        with self._lock:
            for image_id in in_use & self._kept.keys():
                self._kept[image_id] = (now, self._kept[image_id][1])
            gone = sorted(i for i, (used, _) in self._kept.items() if now - used > self._age)
            for image_id in gone:
                del self._kept[image_id]
        return gone

    def _fetch(self, image: Image) -> bytes:
        sums: dict[str, Any] = {}
        if image.checksum:
            sums[image.checksum] = hashlib.md5(usedforsecurity=False)
        if image.hash_algo and image.hash_value:
            sums[image.hash_value] = hashlib.new(image.hash_algo, usedforsecurity=False)
        kept = bytearray()
        try:
            for piece in self._images.download(image.id):
                for digest in sums.values():
                    digest.update(piece)
                kept += piece[: DISK_BYTES - len(kept)]
        except (NotFound, Forbidden, Conflict) as error:
            raise BuildAborted(error.message) from error
        except Unavailable as error:
            raise HostRejected(f"Image {image.id} could not be fetched: {error.message}") from error
        if any(digest.hexdigest() != expected for expected, digest in sums.items()):
            raise HostRejected(f"Image {image.id} arrived damaged: its checksum does not match.")
        return bytes(kept)
