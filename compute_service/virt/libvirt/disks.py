"""Making the disks of one guest, and telling where they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compute_service.domain.errors import HostRejected
from compute_service.domain.guest import GuestSpec
from compute_service.domain.image import Image
from compute_service.virt.libvirt.assemble.place import DiskPlace
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.storage.inspection import DRIVERS
from compute_service.virt.libvirt.storage.qemu_img import QemuImg
from compute_service.virt.libvirt.wanted import WantedDisk, wanted_disks

COPY_SECONDS = 600.0
"""Seconds for a kernel or a ramdisk."""


@dataclass(frozen=True)
class CachedImage:
    """An image in the host's cache: its file, QEMU's name of its format, and its size as a disk."""

    path: Path
    format: str
    bytes: int


def disks_wanted(parts: Parts, spec: GuestSpec) -> tuple[WantedDisk, ...]:
    """Return the disks that a guest should have."""
    return wanted_disks(spec, parts.settings.default.default_ephemeral_format)


def make_disks(parts: Parts, spec: GuestSpec) -> None:
    """Make the disks that are missing. Raises BuildAborted, HostRejected."""
    for disk in disks_wanted(parts, spec):
        if parts.disks.has(spec.uuid, disk.name):
            continue
        if disk.role == "root" and disk.image is not None:
            parts.disks.from_image(spec.uuid, disk, cached(parts, disk.image))
        elif disk.bytes:
            parts.disks.blank(spec.uuid, disk)
        else:
            raise HostRejected(f"Guest {spec.uuid} has no image and no size for its root disk.")
    make_kernel(parts, spec)
    make_config_drive(parts, spec)


def make_kernel(parts: Parts, spec: GuestSpec) -> None:
    """Bring kernel and ramdisk where the image has them apart. Raises BuildAborted, HostRejected."""
    directory = parts.directory(spec.uuid)
    for image_id, path in ((spec.kernel_id, directory.kernel), (spec.ramdisk_id, directory.ramdisk)):
        bring_file(parts, image_id, path)


def bring_file(parts: Parts, image_id: str, path: Path) -> None:
    """Copy an image as it is to a path, unless there is none or it is there. Raises BuildAborted."""
    if image_id and not path.exists():
        part = path.with_name(f"{path.name}.part")
        parts.runner.run(("cp", "--", str(parts.cache.find(image_id)), str(part)), COPY_SECONDS)
        part.replace(path)


def make_config_drive(parts: Parts, spec: GuestSpec) -> None:
    """Write the config drive when the guest should have one and has not. Raises HostRejected."""
    path = parts.directory(spec.uuid).config_drive
    if spec.config_drive and not path.exists():
        parts.config_drive.write(spec, path)


def grow_disks(parts: Parts, spec: GuestSpec) -> None:
    """Make disks as large as the flavor's, and those that it has anew; none becomes smaller."""
    for disk in disks_wanted(parts, spec):
        if parts.disks.has(spec.uuid, disk.name):
            if disk.bytes and not disk.cdrom:
                parts.disks.grow(spec.uuid, disk.name, disk.bytes)
        elif disk.role != "root":
            parts.disks.blank(spec.uuid, disk)


def places_of(parts: Parts, spec: GuestSpec, drive: Path | None = None) -> tuple[DiskPlace, ...]:
    """Return where a guest's disks are, those only that are there. `drive` is in the config drive's place."""
    found = [
        parts.disks.place(spec.uuid, disk)
        for disk in disks_wanted(parts, spec)
        if parts.disks.has(spec.uuid, disk.name)
    ]
    drive = drive or parts.directory(spec.uuid).config_drive
    if drive.exists():
        cdrom = parts.settings.default.config_drive_format == "iso9660"
        found.append(DiskPlace(role="config", path=str(drive), device="cdrom" if cdrom else "disk"))
    return tuple(found)


def cached(parts: Parts, image: Image) -> CachedImage:
    """Return an image from the cache, fetching it first where needed. Raises BuildAborted, HostRejected."""
    raw = parts.settings.default.force_raw_images
    path = parts.cache.get(image, raw)
    disk_format = "raw" if raw else DRIVERS.get(image.disk_format, "raw")
    size = path.stat().st_size
    if disk_format != "raw":
        size = QemuImg(parts.runner).size(str(path), disk_format)
    return CachedImage(path, disk_format, size)
