"""The local disks that a specification asks for. Pure."""

from __future__ import annotations

from typing import Literal

from compute_service.domain.block_device import BlockDevice
from compute_service.domain.guest import GuestSpec
from compute_service.domain.image import Image
from compute_service.domain.record import Record

MIB = 1 << 20
GIB = 1 << 30


class WantedDisk(Record):
    """A disk. `bytes` is 0 for a root disk of its image's size."""

    role: Literal["root", "ephemeral", "swap", "rescue"]
    name: str
    bytes: int
    image: Image | None = None
    filesystem: str | None = None
    """What a blank disk is formatted with; swap for swap space."""
    label: str = ""
    bus: str | None = None

    @property
    def cdrom(self) -> bool:
        """Whether it is a CD-ROM that is booted from."""
        return self.image is not None and self.image.disk_format == "iso"

    @property
    def device(self) -> Literal["disk", "cdrom"]:
        """What the guest sees."""
        return "cdrom" if self.cdrom else "disk"


def wanted_disks(spec: GuestSpec, filesystem: str | None) -> tuple[WantedDisk, ...]:
    """Return the root disk, then the ephemeral ones, then swap. `filesystem` formats ephemeral disks."""
    local = [device for device in spec.block_devices if device.destination_type == "local"]
    root = next((device for device in local if device.source_type == "image"), None)
    blank = [device for device in local if device.source_type == "blank"]
    return (
        WantedDisk(
            role="root",
            name="disk",
            bytes=spec.flavor.root_gb * GIB,
            image=spec.image,
            bus=root.disk_bus if root is not None else None,
        ),
        *_ephemeral(spec, [device for device in blank if device.guest_format != "swap"], filesystem),
        *_swap(spec, [device for device in blank if device.guest_format == "swap"]),
    )


def _ephemeral(spec: GuestSpec, ordered: list[BlockDevice], filesystem: str | None) -> tuple[WantedDisk, ...]:
    everything = spec.flavor.ephemeral_gb
    if not ordered:
        ordered = [_plain(everything)] if everything else []
    return tuple(
        WantedDisk(
            role="ephemeral",
            name=f"disk.eph{number}",
            bytes=(device.size_gb or everything) * GIB,
            filesystem=device.guest_format or filesystem or _usual(spec),
            label=f"ephemeral{number}",
            bus=device.disk_bus,
        )
        for number, device in enumerate(ordered)
    )


def _swap(spec: GuestSpec, ordered: list[BlockDevice]) -> tuple[WantedDisk, ...]:
    size = (ordered[0].size_gb * GIB if ordered else 0) or spec.flavor.swap_mb * MIB
    if not size:
        return ()
    bus = ordered[0].disk_bus if ordered else None
    return (WantedDisk(role="swap", name="disk.swap", bytes=size, filesystem="swap", bus=bus),)


def _plain(size_gb: int) -> BlockDevice:
    return BlockDevice(uuid="", source_type="blank", destination_type="local", size_gb=size_gb)


def _usual(spec: GuestSpec) -> str:
    """Return the file system that a guest of this kind can use."""
    windows = spec.image is not None and spec.image.properties.get("os_type") == "windows"
    return "vfat" if windows else "ext4"
