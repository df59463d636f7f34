"""Disks that are logical volumes of one group, raw. Source: lvm2 documentation, lvcreate(8) and relatives.

A volume is named `<uuid>_<name>`, and `<uuid>_<name>.part` while it is being written. It is wiped before it
is removed, for the next one that gets its place would show what was on it.
"""

from __future__ import annotations

from pathlib import Path

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, Invalid, NotSupported
from compute_service.virt.libvirt.assemble.place import DiskPlace
from compute_service.virt.libvirt.directory import PART
from compute_service.virt.libvirt.storage.format import make_filesystem
from compute_service.virt.libvirt.storage.qemu_img import COPY, QUICK, QemuImg
from compute_service.virt.libvirt.storage.run import CommandFailed, Runner
from compute_service.virt.libvirt.storage.store import Base, Space
from compute_service.virt.libvirt.wanted import WantedDisk

MIB = 1 << 20
GIB = 1 << 30


class LogicalVolumes:
    """A `DiskStore` in a volume group."""

    def __init__(self, runner: Runner, options: Libvirt) -> None:
        """Raises Invalid when the option does not name the group."""
        if not options.images_volume_group:
            raise Invalid("images_type=lvm needs the option images_volume_group in [libvirt].")
        self._group = options.images_volume_group
        self._options = options
        self._runner = runner
        self._img = QemuImg(runner)

    format = "raw"
    movable = False

    def has(self, uuid: str, name: str) -> bool:
        """Return whether the volume is there."""
        return _named(uuid, name) in self._volumes()

    def from_image(self, uuid: str, disk: WantedDisk, base: Base) -> None:
        """Make a volume that begins as an image. Raises BuildAborted when the image does not fit it."""
        size = disk.bytes or base.bytes
        if base.bytes > size:
            raise BuildAborted(
                f"The image needs a disk of {-(-base.bytes // GIB)} GB, but the flavor's has {size // GIB}."
            )
        if not self.has(uuid, disk.name):
            part = self._make(uuid, disk.name, size)
            self._img.fill((base.format, str(base.path)), ("raw", self._path(part)))
            self._rename(part, _named(uuid, disk.name))

    def blank(self, uuid: str, disk: WantedDisk) -> None:
        """Make an empty volume, formatted as wanted."""
        if not self.has(uuid, disk.name):
            part = self._make(uuid, disk.name, disk.bytes)
            if disk.filesystem is not None:
                make_filesystem(Path(self._path(part)), disk.filesystem, disk.label, self._runner)
            self._rename(part, _named(uuid, disk.name))

    def grow(self, uuid: str, name: str, size: int) -> None:
        """Make a volume at least so many bytes large."""
        if self._volumes().get(_named(uuid, name), 0) < size:
            self._lvm("lvextend", "--size", f"{size}b", f"{self._group}/{_named(uuid, name)}")

    def remove(self, uuid: str, name: str) -> None:
        """Wipe and remove one volume."""
        if self.has(uuid, name):
            self._remove(_named(uuid, name))

    def remove_all(self, uuid: str) -> None:
        """Wipe and remove every volume of a guest."""
        for name in sorted(self._volumes()):
            if name.startswith(f"{uuid}_"):
                self._remove(name)

    def place(self, uuid: str, disk: WantedDisk) -> DiskPlace:
        """Return where a volume is."""
        path = self._path(_named(uuid, disk.name))
        return DiskPlace(role=disk.role, kind="block", path=path, device=disk.device, bus=disk.bus)

    def export(self, uuid: str, name: str, target: Path, disk_format: str) -> None:
        """Write a volume to a file."""
        self._img.copy(("raw", self._path(_named(uuid, name))), (disk_format, str(target)))

    def standalone(self, file: Path, target: Path) -> None:
        """Raise NotSupported: volumes are not handed over."""
        raise NotSupported("Guests whose disks are logical volumes cannot be moved.")

    def bases(self) -> frozenset[str]:
        """Return nothing: volumes hold all of their image."""
        return frozenset()

    def space(self) -> Space:
        """Return the group's size and what is free of it."""
        options = ("--units", "b", "--nosuffix", "--noheadings", "--options", "vg_size,vg_free")
        total, free = self._lvm("vgs", *options, self._group).split()
        return Space(total=int(total), free=int(free))

    def _make(self, uuid: str, name: str, size: int) -> str:
        part = f"{_named(uuid, name)}{PART}"
        if part in self._volumes():
            self._lvm("lvremove", "--yes", f"{self._group}/{part}")
        how: tuple[str, ...] = ("--size", f"{size}b")
        if self._options.sparse_logical_volumes:
            how = ("--size", f"{min(size, 64 * MIB)}b", "--virtualsize", f"{size}b")
        self._lvm("lvcreate", "--yes", "--wipesignatures", "n", *how, "--name", part, self._group)
        return part

    def _rename(self, part: str, name: str) -> None:
        self._lvm("lvrename", self._group, part, name)

    def _remove(self, name: str) -> None:
        self._wipe(name)
        self._lvm("lvremove", "--yes", f"{self._group}/{name}")

    def _wipe(self, name: str) -> None:
        how, path = self._options.volume_clear, self._path(name)
        size = self._volumes()[name]
        if self._options.volume_clear_size:
            size = min(size, self._options.volume_clear_size * MIB)
        if how == "zero":
            self._runner.run(("blkdiscard", "--zeroout", "--length", str(size), path), COPY)
        elif how == "shred":
            self._runner.run(("shred", "--iterations=3", f"--size={size}", path), COPY)

    def _volumes(self) -> dict[str, int]:
        """Return every volume of the group and its size in bytes."""
        options = ("--units", "b", "--nosuffix", "--noheadings", "--options", "lv_name,lv_size")
        found = (line.split() for line in self._lvm("lvs", *options, self._group).splitlines())
        try:
            return {name: int(size) for name, size in found}
        except ValueError:
            raise CommandFailed("lvs did not tell names and sizes.") from None

    def _path(self, name: str) -> str:
        return f"/dev/{self._group}/{name}"

    def _lvm(self, *words: str) -> str:
        return self._runner.run(words, QUICK)


def _named(uuid: str, name: str) -> str:
    return f"{uuid}_{name}"
