"""What the host adds to a guest's specification before it can be assembled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute_service.virt.libvirt.capabilities import DomainCapabilities, HostCapabilities

DiskRole = Literal["root", "ephemeral", "swap", "config", "rescue"]
DeviceKind = Literal["disk", "cdrom", "floppy"]


@dataclass(frozen=True, kw_only=True)
class DiskPlace:
    """Where one of the guest's disks is. `path` is a file, a device or pool/image by `kind`;
    `device` cdrom is read only. `bus` is what was asked for this disk alone. With a `boot_order` on any disk,
    the firmware boots from such disks only, the lowest first."""

    role: DiskRole
    kind: Literal["file", "block", "rbd"] = "file"
    path: str
    format: str = "raw"
    device: DeviceKind = "disk"
    bus: str | None = None
    serial: str | None = None
    boot_order: int | None = None


@dataclass(frozen=True, kw_only=True)
class RbdCluster:
    """How a host reaches Ceph: its monitors, user and the libvirt secret of the user's key."""

    monitors: tuple[tuple[str, int], ...]
    user: str | None = None
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Host:
    """The host. `serial` is what sysinfo_serial chose for guests that do not have their own; `direct_io`
    is whether the disks' filesystem takes O_DIRECT."""

    virt_type: str
    capabilities: HostCapabilities
    domains: DomainCapabilities
    """Of the guest's architecture and machine type."""
    serial: str | None = None
    direct_io: bool = True
    rbd: RbdCluster | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """What the host gave one guest. `rootfs` is a container's mounted root."""

    disks: tuple[DiskPlace, ...] = ()
    console_log: str | None = None
    rootfs: str | None = None
    kernel: str | None = None
    ramdisk: str | None = None
    serial_ports: tuple[int, ...] = field(default=())
    tpm_secret: str | None = None
