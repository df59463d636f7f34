"""Images on a host's disk: fetched once however many ask, checked, looked into, and removed when old.

A file appears under its own name only when it is whole: what is being fetched has the suffix `.part`, and a
process that was killed leaves no more than that. Locks are files, so that they hold between processes too.
The time of last use is that of the lock: libvirt gives an image itself to QEMU's user while a guest runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
from compute_service.virt.libvirt.storage.inspection import inspect
from compute_service.virt.libvirt.storage.run import Runner

PART = ".part"
LOCK = ".lock"
CONVERT_SECONDS = 3600.0
"""How long turning an image into another format may take."""
_PLAIN_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


class ImageCache:
    """The cache in one directory. `raw` turns images into raw format as they come; `age` is how many seconds
    an image stays that nothing uses."""

    def __init__(self, directory: Path, images: Images, clock: Clock, runner: Runner, age: float) -> None:
        self._directory = directory
        self._images = images
        self._clock = clock
        self._runner = runner
        self._age = age

    def get(self, image: Image, raw: bool = True) -> Path:
        """Return the image's file, fetching it when it is not here.

        Raises BuildAborted when the image is gone or may not be used, HostRejected when it arrives damaged or
        not at all.
        """
        path = self._path(image.id, raw)
        with self._locked(image.id):
            if not path.exists():
                self._fetch(image, path, raw)
            self._touch(image.id)
        return path

    def find(self, image_id: str) -> Path:
        """Return the file, as it is, of an image known by its identifier alone. Errors: those of `get`."""
        try:
            return self.get(self._images.show(image_id), raw=False)
        except (NotFound, Forbidden) as error:
            raise BuildAborted(error.message) from error
        except Unavailable as error:
            raise HostRejected(f"Image {image_id} could not be fetched: {error.message}") from error

    def add(self, image_id: str, raw: bool = True) -> bool:
        """Fetch an image ahead of use; False when it was here. Errors: those of `Images` and of `get`."""
        if self._path(image_id, raw).exists():
            return False
        self.get(self._images.show(image_id), raw)
        return True

    def prune(self, in_use: frozenset[str]) -> list[str]:
        """Remove old images beyond those in use, and return their identifiers; use makes an image young."""
        if not self._directory.is_dir():
            return []
        used = {stem_of(image_id): image_id for image_id in in_use}
        gone = set()
        for path in sorted(self._directory.iterdir()):
            if path.suffix == PART and self._unused(path):
                path.unlink(missing_ok=True)
            if path.suffix not in {".raw", ".image"}:
                continue
            if path.stem in used:
                self._touch(used[path.stem])
            elif self._is_old(path) and self._remove(path):
                gone.add(path.stem)
        return sorted(gone)

    def _remove(self, path: Path) -> bool:
        """Remove one image unless it was taken into use meanwhile."""
        with self._locked(path.stem):
            if not path.exists() or not self._is_old(path):
                return False
            path.unlink()
            return True

    def _is_old(self, path: Path) -> bool:
        lock = path.with_suffix(LOCK)
        return self._unused(lock if lock.exists() else path)

    def _unused(self, path: Path) -> bool:
        return self._clock.time() - path.stat().st_mtime > self._age

    def _touch(self, image_id: str) -> None:
        now = self._clock.time()
        lock = self._directory / f"{stem_of(image_id)}{LOCK}"
        lock.touch()
        os.utime(lock, (now, now))

    def _path(self, image_id: str, raw: bool) -> Path:
        return self._directory / f"{stem_of(image_id)}{'.raw' if raw else '.image'}"

    @contextmanager
    def _locked(self, image_id: str) -> Iterator[None]:
        """Hold the image's lock; it is the kernel's, so a killed process lets it go."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / f"{stem_of(image_id)}{LOCK}").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _fetch(self, image: Image, path: Path, raw: bool) -> None:
        part = path.with_name(f"{path.name}{PART}")
        converted = path.with_name(f"{path.name}.new{PART}")
        try:
            self._download(image, part)
            found = inspect(part, image.disk_format, self._runner)
            if not raw or found.driver == "raw":
                os.replace(part, path)
                return
            self._runner.run(_conversion(found.driver, part, converted), CONVERT_SECONDS)
            os.replace(converted, path)
        finally:
            part.unlink(missing_ok=True)
            converted.unlink(missing_ok=True)

    def _download(self, image: Image, part: Path) -> None:
        sums: dict[str, Any] = {}
        if image.checksum:
            sums[image.checksum] = hashlib.md5(usedforsecurity=False)
        if image.hash_algo and image.hash_value:
            sums[image.hash_value] = hashlib.new(image.hash_algo, usedforsecurity=False)
        try:
            with part.open("wb") as file:
                for piece in self._images.download(image.id):
                    for digest in sums.values():
                        digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except (NotFound, Forbidden, Conflict) as error:
            raise BuildAborted(error.message) from error
        except Unavailable as error:
            raise HostRejected(f"Image {image.id} could not be fetched: {error.message}") from error
        except OSError as error:
            raise HostRejected(f"Image {image.id} could not be kept: {error.strerror}.") from error
        if any(digest.hexdigest() != expected for expected, digest in sums.items()):
            raise HostRejected(f"Image {image.id} arrived damaged: its checksum does not match.")


def _conversion(driver: str, source: Path, target: Path) -> tuple[str, ...]:
    """Return the command that writes an image anew in raw format."""
    return ("qemu-img", "convert", "-f", driver, "-O", "raw", str(source), str(target))


def stem_of(image_id: str) -> str:
    """Return the file name of an image: its identifier where that is plain, else a digest of it."""
    if _PLAIN_NAME.fullmatch(image_id):
        return image_id
    return hashlib.sha256(image_id.encode()).hexdigest()
