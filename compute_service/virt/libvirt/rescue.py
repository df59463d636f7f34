"""Guests that boot from another disk for a while, so that their own can be mended.

The marks `rescued` and `rescuing` are in the guest's directory: the first as long as anything of a rescue may
be there, the second while it is not whole. What the rescue needs is made while the guest still runs.
"""

from __future__ import annotations

import dataclasses
from typing import cast

from compute_service.domain.guest import GuestSpec
from compute_service.domain.image import Image
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import Progress
from compute_service.virt.libvirt.assemble.place import DeviceKind, DiskPlace, Place
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.definition import define, defined, usual_place
from compute_service.virt.libvirt.directory import GuestDirectory
from compute_service.virt.libvirt.disks import bring_file, cached, places_of
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.power import shut_down, shutdown_seconds
from compute_service.virt.libvirt.spawn import OFF, complete, start
from compute_service.virt.libvirt.wanted import WantedDisk

DISK = "disk.rescue"
STABLE = ("hw_rescue_device", "hw_rescue_bus")
"""The properties of an image of which each asks that the guest's own disks keep their places."""


def rescue(parts: Parts, spec: GuestSpec, image: Image, progress: Progress) -> PowerState:
    """Start the guest from an image; one that is rescued is left as it is.

    Raises NotFound, BuildAborted (the image makes no disk), HostRejected.
    """
    directory = parts.directory(spec.uuid)
    power = parts.connection.domain(spec.uuid).power
    if directory.rescued.exists() and not directory.rescuing.exists():
        return power
    wishes = _wishes(spec, image)
    directory.rescuing.touch()
    directory.rescued.touch()
    kernel, ramdisk = _bring(parts, spec, image)
    progress(0.7)
    if not _runs_rescue(parts, spec):
        _stop(parts, spec)
        place = dataclasses.replace(
            usual_place(parts, spec),
            disks=_disks(parts, spec, image, wishes),
            kernel=str(directory.rescue_kernel) if kernel else None,
            ramdisk=str(directory.rescue_ramdisk) if ramdisk else None,
        )
        _define_and_start(parts, spec, place)
    directory.rescuing.unlink()
    progress(1.0)
    return parts.connection.domain(spec.uuid).power


def unrescue(parts: Parts, spec: GuestSpec) -> PowerState:
    """Start the guest as it was; one that is not rescued is left as it is. Raises NotFound, HostRejected."""
    directory = parts.directory(spec.uuid)
    if not directory.rescued.exists() and not directory.rescuing.exists():
        return parts.connection.domain(spec.uuid).power
    directory.rescuing.touch()
    if _runs_rescue(parts, spec):
        _stop(parts, spec)
    power = complete(parts, spec)
    _remove(parts, spec.uuid, directory)
    return power


def _bring(parts: Parts, spec: GuestSpec, image: Image) -> tuple[str, str]:
    """Make what the rescue boots from, and return the images of its kernel and ramdisk, or empty strings."""
    directory = parts.directory(spec.uuid)
    wanted = _wanted(image)
    if not parts.disks.has(spec.uuid, DISK):
        parts.disks.from_image(spec.uuid, wanted, cached(parts, image))
    options, own = parts.settings.libvirt, spec.image is not None and spec.image.id == image.id
    kernel = image.properties.get("kernel_id") or options.rescue_kernel_id or (spec.kernel_id if own else "")
    ramdisk = (
        image.properties.get("ramdisk_id") or options.rescue_ramdisk_id or (spec.ramdisk_id if own else "")
    )
    bring_file(parts, kernel, directory.rescue_kernel)
    bring_file(parts, ramdisk, directory.rescue_ramdisk)
    if spec.config_drive and not directory.rescue_drive.exists():
        parts.config_drive.write(spec, directory.rescue_drive)
    return kernel, ramdisk


def _wanted(image: Image) -> WantedDisk:
    return WantedDisk(role="rescue", name=DISK, bytes=0, image=image)


def _wishes(spec: GuestSpec, image: Image) -> Wishes:
    """Return what the image says of its own use for a rescue. Raises BuildAborted."""
    said = {name: image.properties[name] for name in STABLE if name in image.properties}
    bare = spec.flavor.replace(extra_specs={})
    return Wishes(spec.replace(image=image.replace(properties=said), flavor=bare))


def _disks(parts: Parts, spec: GuestSpec, image: Image, wishes: Wishes) -> tuple[DiskPlace, ...]:
    """Return the rescue's disk and the guest's own: before them, or where the image asks for it behind."""
    device, bus = wishes.text("rescue_device"), wishes.text("rescue_bus")
    made = dataclasses.replace(parts.disks.place(spec.uuid, _wanted(image)), boot_order=1)
    drive = parts.directory(spec.uuid).rescue_drive
    own = places_of(parts, spec, drive if drive.exists() else None)
    if device is None and bus is None:
        return (made, *own)
    kind = cast("DeviceKind", device or made.device)
    return (*own, dataclasses.replace(made, bus=bus, device=kind))


def _runs_rescue(parts: Parts, spec: GuestSpec) -> bool:
    """Return whether the guest runs with the rescue's disk."""
    if parts.connection.domain(spec.uuid).power in OFF or not parts.disks.has(spec.uuid, DISK):
        return False
    path = parts.disks.place(spec.uuid, WantedDisk(role="rescue", name=DISK, bytes=0)).path
    disks = defined(parts, spec.uuid, lasting=False).disks
    return any(path in {disk.file, disk.dev, disk.name} for disk in disks)


def _stop(parts: Parts, spec: GuestSpec) -> None:
    """Have the guest shut down in its time, or cut its power."""
    if parts.connection.domain(spec.uuid).power is PowerState.RUNNING:
        shut_down(parts, spec.uuid, shutdown_seconds(parts, spec))
    parts.connection.cut(spec.uuid)
    parts.connection.forget_saved(spec.uuid)


def _define_and_start(parts: Parts, spec: GuestSpec, place: Place) -> None:
    define(parts, spec, place)
    start(parts, spec.uuid)


def _remove(parts: Parts, uuid: str, directory: GuestDirectory) -> None:
    """Remove what the rescue brought, its marks last."""
    parts.disks.remove(uuid, DISK)
    for path in (
        directory.rescue_drive,
        directory.rescue_kernel,
        directory.rescue_ramdisk,
        directory.rescued,
        directory.rescuing,
    ):
        path.unlink(missing_ok=True)
