"""Disks that are images in a Ceph pool, raw. Source: Ceph documentation, rbd(8) and ceph(8).

An image is named `<uuid>_<name>`, and `<uuid>_<name>.part` while it is being written. Ceph lets an image go
only some time after the guest that had it was killed, so removing one is tried again for a while.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, NotSupported
from compute_service.ports.clock import Clock
from compute_service.virt.libvirt.assemble.place import DiskPlace, RbdCluster
from compute_service.virt.libvirt.directory import PART, GuestDirectory
from compute_service.virt.libvirt.storage.format import make_filesystem
from compute_service.virt.libvirt.storage.qemu_img import COPY, QUICK, QemuImg
from compute_service.virt.libvirt.storage.run import CommandFailed, Runner
from compute_service.virt.libvirt.storage.store import Base, Space
from compute_service.virt.libvirt.wanted import WantedDisk

MIB = 1 << 20
GIB = 1 << 30
PORT = 6789


class RbdImages:
    """A `DiskStore` in a pool. What is made before it is imported lies in the guest's directory."""

    def __init__(self, instances: Path, runner: Runner, options: Libvirt, clock: Clock) -> None:
        self._instances = instances
        self._runner = runner
        self._options = options
        self._clock = clock
        self._pool = options.images_rbd_pool
        self._img = QemuImg(runner)

    format = "raw"
    movable = False

    def has(self, uuid: str, name: str) -> bool:
        """Return whether the image is there."""
        return self._size(_named(uuid, name)) is not None

    def from_image(self, uuid: str, disk: WantedDisk, base: Base) -> None:
        """Make a disk that begins as an image. Raises BuildAborted when the image does not fit it."""
        size = disk.bytes or base.bytes
        if base.bytes > size:
            raise BuildAborted(
                f"The image needs a disk of {-(-base.bytes // GIB)} GB, but the flavor's has {size // GIB}."
            )
        if self.has(uuid, disk.name):
            return
        part = self._fresh(uuid, disk.name)
        self._img.copy((base.format, str(base.path)), ("raw", self._address(part)))
        if size > base.bytes:
            self._resize(part, size)
        self._rename(part, _named(uuid, disk.name))

    def blank(self, uuid: str, disk: WantedDisk) -> None:
        """Make an empty disk, formatted as wanted."""
        if self.has(uuid, disk.name):
            return
        part = self._fresh(uuid, disk.name)
        if disk.filesystem is None:
            self._rbd("create", "--size", f"{disk.bytes}B", f"{self._pool}/{part}")
        else:
            plain = GuestDirectory(self._instances, uuid).path / f"{disk.name}{PART}"
            plain.parent.mkdir(parents=True, exist_ok=True)
            plain.unlink(missing_ok=True)
            self._img.blank(plain, "raw", disk.bytes)
            make_filesystem(plain, disk.filesystem, disk.label, self._runner)
            self._img.copy(("raw", str(plain)), ("raw", self._address(part)))
            plain.unlink()
        self._rename(part, _named(uuid, disk.name))

    def grow(self, uuid: str, name: str, size: int) -> None:
        """Make a disk at least so many bytes large."""
        if (self._size(_named(uuid, name)) or 0) < size:
            self._resize(_named(uuid, name), size)

    def remove(self, uuid: str, name: str) -> None:
        """Remove one disk."""
        self._remove(_named(uuid, name))

    def remove_all(self, uuid: str) -> None:
        """Remove every disk of a guest."""
        names = self._json("rbd", "ls", "--format", "json", self._pool)
        for name in names:
            if str(name).startswith(f"{uuid}_"):
                self._remove(str(name))

    def place(self, uuid: str, disk: WantedDisk) -> DiskPlace:
        """Return where a disk is."""
        path = f"{self._pool}/{_named(uuid, disk.name)}"
        return DiskPlace(role=disk.role, kind="rbd", path=path, device=disk.device, bus=disk.bus)

    def export(self, uuid: str, name: str, target: Path, disk_format: str) -> None:
        """Write a disk to a file."""
        self._img.copy(("raw", self._address(_named(uuid, name))), (disk_format, str(target)))

    def standalone(self, file: Path, target: Path) -> None:
        """Raise NotSupported: disks in Ceph are not handed over."""
        raise NotSupported("Guests whose disks are in Ceph cannot be moved in this release.")

    def bases(self) -> frozenset[str]:
        """Return nothing: disks hold all of their image."""
        return frozenset()

    def space(self) -> Space:
        """Return what the pool holds and may still hold."""
        for pool in self._json("ceph", "df", "--format", "json")["pools"]:
            if pool["name"] == self._pool:
                free, used = int(pool["stats"]["max_avail"]), int(pool["stats"]["stored"])
                return Space(total=free + used, free=free)
        raise CommandFailed(f"Ceph has no pool {self._pool}.")

    def cluster(self) -> RbdCluster:
        """Return how guests reach the cluster. Raises CommandFailed."""
        found = self._json("ceph", "mon", "dump", "--format", "json")
        addresses = [str(each["public_addr"]).partition("/")[0].rpartition(":") for each in found["mons"]]
        monitors = tuple((host.strip("[]"), int(port or PORT)) for host, _, port in addresses)
        options = self._options
        return RbdCluster(monitors=monitors, user=options.rbd_user, secret=options.rbd_secret_uuid)

    def _fresh(self, uuid: str, name: str) -> str:
        """Return the name of a disk to be written, of which nothing is there."""
        part = f"{_named(uuid, name)}{PART}"
        self._remove(part)
        return part

    def _remove(self, name: str) -> None:
        tries = max(self._options.rbd_destroy_volume_retries, 0) + 1
        for left in range(tries - 1, -1, -1):
            if self._size(name) is None:
                return
            try:
                self._rbd("rm", "--no-progress", f"{self._pool}/{name}")
            except CommandFailed:
                if not left:
                    raise
                self._clock.sleep(self._options.rbd_destroy_volume_retry_interval)

    def _size(self, name: str) -> int | None:
        """Return the size of an image, or None when it is not there."""
        try:
            return int(self._json("rbd", "info", "--format", "json", f"{self._pool}/{name}")["size"])
        except CommandFailed as error:
            if "No such file" in error.message:
                return None
            raise

    def _resize(self, name: str, size: int) -> None:
        self._rbd("resize", "--no-progress", "--size", f"{size}B", f"{self._pool}/{name}")

    def _rename(self, part: str, name: str) -> None:
        self._rbd("mv", f"{self._pool}/{part}", f"{self._pool}/{name}")

    def _address(self, name: str) -> str:
        """Return QEMU's address of an image."""
        parts = [f"rbd:{self._pool}/{name}"]
        if self._options.rbd_user:
            parts.append(f"id={self._options.rbd_user}")
        if self._options.images_rbd_ceph_conf:
            parts.append(f"conf={self._options.images_rbd_ceph_conf}")
        return ":".join(parts)

    def _rbd(self, *words: str) -> str:
        return self._run("rbd", *words)

    def _run(self, program: str, *words: str) -> str:
        user, conf = self._options.rbd_user, self._options.images_rbd_ceph_conf
        who = ("--id", user) if user else ()
        where = ("--conf", conf) if conf else ()
        return self._runner.run((program, *words, *who, *where), COPY if "rm" in words else QUICK)

    def _json(self, program: str, *words: str) -> Any:
        try:
            return json.loads(self._run(program, *words))
        except ValueError:
            raise CommandFailed(f"{program} {words[0]} did not answer in JSON.") from None


def _named(uuid: str, name: str) -> str:
    return f"{uuid}_{name}"
