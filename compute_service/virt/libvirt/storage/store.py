"""Where a host keeps guests' disks: one interface over files, logical volumes and Ceph images.

Everything can be repeated: a disk has its name only when it is whole, and what is there is not made anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from compute_service.domain.record import Record
from compute_service.virt.libvirt.assemble.place import DiskPlace
from compute_service.virt.libvirt.wanted import WantedDisk


class Space(Record):
    """How large a place for disks is, and what is free of it, in bytes."""

    total: int
    free: int


class Base(Protocol):
    """The image that a root disk begins as."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def format(self) -> str:
        """QEMU's name of the file's format."""

    @property
    def bytes(self) -> int:
        """The size of the disk it is."""


class DiskStore(Protocol):
    """Guests' disks. A disk is named by its guest's UUID and a name such as `disk` or `disk.swap`.

    Errors: HostRejected (CommandFailed among them).
    """

    def has(self, uuid: str, name: str) -> bool:
        """Return whether the disk is there."""

    def from_image(self, uuid: str, disk: WantedDisk, base: Base) -> None:
        """Make a disk that begins as an image, as large as wanted."""

    def blank(self, uuid: str, disk: WantedDisk) -> None:
        """Make an empty disk, formatted as wanted."""

    def grow(self, uuid: str, name: str, size: int) -> None:
        """Make a disk at least so many bytes large."""

    def remove(self, uuid: str, name: str) -> None:
        """Remove one disk; nothing there is fine."""

    def remove_all(self, uuid: str) -> None:
        """Remove every disk of a guest that is not a file in its directory."""

    def place(self, uuid: str, disk: WantedDisk) -> DiskPlace:
        """Return where a disk is."""

    @property
    def format(self) -> str:
        """QEMU's name of the disks' format."""

    @property
    def movable(self) -> bool:
        """Whether the disks are files in the guest's directory, which can be set aside and handed over."""

    def space(self) -> Space:
        """Return how much fits in."""

    def export(self, uuid: str, name: str, target: Path, disk_format: str) -> None:
        """Write a disk that no guest uses to a file, with no base under it."""

    def standalone(self, file: Path, target: Path) -> None:
        """Write a copy of a disk file that a guest was moved away from, with no base under it.

        Raises NotSupported where disks are not files.
        """

    def bases(self) -> frozenset[str]:
        """Return the file names of images that disks still need."""
