"""Disks that are files in the guest's directory: qcow2 over an image that stays as it is, or raw."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from compute_service.domain.errors import BuildAborted, HostRejected
from compute_service.virt.libvirt.assemble.place import DiskPlace
from compute_service.virt.libvirt.directory import PART, GuestDirectory
from compute_service.virt.libvirt.storage.format import make_filesystem
from compute_service.virt.libvirt.storage.qcow2 import base_of
from compute_service.virt.libvirt.storage.qemu_img import QUICK, QemuImg
from compute_service.virt.libvirt.storage.run import Runner
from compute_service.virt.libvirt.storage.store import Base, Space
from compute_service.virt.libvirt.wanted import WantedDisk

GIB = 1 << 30
PRIVATE = 0o640
"""Nobody else on the host reads a guest's disk. libvirt gives it to the hypervisor's user and group while the
guest runs; nova-compute may be in that group."""


class FileDisks:
    """A `DiskStore` in `instances_path`. `full` gives disks all their space at once."""

    def __init__(
        self, instances: Path, runner: Runner, disk_format: Literal["qcow2", "raw"], full: bool = False
    ) -> None:
        self._instances = instances
        self._runner = runner
        self._img = QemuImg(runner)
        self._format: Literal["qcow2", "raw"] = disk_format
        self._full = full

    movable = True

    @property
    def format(self) -> str:
        """QEMU's name of the disks' format."""
        return self._format

    def has(self, uuid: str, name: str) -> bool:
        """Return whether the disk is there."""
        return self._path(uuid, name).exists()

    def from_image(self, uuid: str, disk: WantedDisk, base: Base) -> None:
        """Make a disk that begins as an image. Raises BuildAborted when the image does not fit it."""
        size = disk.bytes or base.bytes
        if base.bytes > size:
            raise BuildAborted(
                f"The image needs a disk of {-(-base.bytes // GIB)} GB, but the flavor's has {size // GIB}."
            )
        path = self._path(uuid, disk.name)
        if path.exists():
            return
        part = self._part(path)
        if disk.cdrom:
            self._img.copy(("raw", str(base.path)), ("raw", str(part)))
        elif self._format == "qcow2":
            self._img.overlay(part, base.path, base.format, size)
        else:
            self._img.copy((base.format, str(base.path)), ("raw", str(part)))
            if size > base.bytes:
                self._img.grow(str(part), "raw", size)
        self._appear(part, path, size)

    def blank(self, uuid: str, disk: WantedDisk) -> None:
        """Make an empty disk, formatted as wanted."""
        path = self._path(uuid, disk.name)
        if path.exists():
            return
        part = self._part(path)
        if disk.filesystem is None:
            self._img.blank(part, self._format, disk.bytes)
        elif self._format == "raw":
            self._format_raw(part, disk)
        else:
            plain = path.with_name(f"{path.name}.raw{PART}")
            plain.unlink(missing_ok=True)
            self._format_raw(plain, disk)
            self._img.copy(("raw", str(plain)), ("qcow2", str(part)))
            plain.unlink()
        self._appear(part, path, disk.bytes)

    def _format_raw(self, path: Path, disk: WantedDisk) -> None:
        self._img.blank(path, "raw", disk.bytes)
        make_filesystem(path, str(disk.filesystem), disk.label, self._runner)

    def grow(self, uuid: str, name: str, size: int) -> None:
        """Make a disk at least so many bytes large."""
        path = str(self._path(uuid, name))
        if self._img.size(path, self._format) < size:
            self._img.grow(path, self._format, size)

    def remove(self, uuid: str, name: str) -> None:
        """Remove one disk."""
        self._path(uuid, name).unlink(missing_ok=True)

    def remove_all(self, uuid: str) -> None:
        """Do nothing: all disks are in the guest's directory."""

    def place(self, uuid: str, disk: WantedDisk) -> DiskPlace:
        """Return where a disk is."""
        path = str(self._path(uuid, disk.name))
        disk_format = "raw" if disk.cdrom else self._format
        return DiskPlace(role=disk.role, path=path, format=disk_format, device=disk.device, bus=disk.bus)

    def export(self, uuid: str, name: str, target: Path, disk_format: str) -> None:
        """Write a disk to a file."""
        source = self._path(uuid, name)
        if not source.exists():
            raise HostRejected(f"Guest {uuid} has no disk {name} on this host.")
        self._img.copy((self._format, str(source)), (disk_format, str(target)))

    def standalone(self, file: Path, target: Path) -> None:
        """Write a copy of a disk file with no base under it."""
        disk_format = "qcow2" if base_of(file) is not None else self._format_of(file)
        self._img.copy((disk_format, str(file)), (disk_format, str(target)))

    def _format_of(self, file: Path) -> str:
        return "raw" if file.name == "disk.config" else self._format

    def space(self) -> Space:
        """Return how large the file system is, and what is free of it."""
        self._instances.mkdir(parents=True, exist_ok=True)
        found = os.statvfs(self._instances)
        return Space(total=found.f_frsize * found.f_blocks, free=found.f_frsize * found.f_bavail)

    def bases(self) -> frozenset[str]:
        """Return the file names of images that disks still need."""
        found = set()
        if self._format == "qcow2" and self._instances.is_dir():
            for disk in self._instances.glob("*/disk*"):
                base = base_of(disk)
                if base is not None:
                    found.add(Path(base).name)
        return frozenset(found)

    def _path(self, uuid: str, name: str) -> Path:
        return GuestDirectory(self._instances, uuid).path / name

    def _part(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}{PART}")
        part.unlink(missing_ok=True)
        return part

    def _appear(self, part: Path, path: Path, size: int) -> None:
        if self._full:
            self._runner.run(("fallocate", "--keep-size", "-l", str(size), str(part)), QUICK)
        part.chmod(PRIVATE)
        os.replace(part, path)
