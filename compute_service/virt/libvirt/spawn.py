"""Building guests, and building them anew.

A guest has the mark `unfinished` from the first of its files until it was started, so that a build that was
cut off goes on where it stood, and one that is repeated after its end changes nothing.
"""

from __future__ import annotations

from compute_service.domain.errors import NotFound
from compute_service.domain.guest import GuestSpec
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import Progress
from compute_service.virt.libvirt.definition import define
from compute_service.virt.libvirt.disks import disks_wanted, make_disks
from compute_service.virt.libvirt.parts import Parts


def power_of(parts: Parts, uuid: str) -> PowerState | None:
    """Return a guest's power, or None when libvirt does not know it."""
    try:
        return parts.connection.domain(uuid).power
    except NotFound:
        return None


def spawn(parts: Parts, spec: GuestSpec, progress: Progress) -> PowerState:
    """Make the guest and start it; one that stands already is left as it is."""
    directory = parts.directory(spec.uuid)
    power = power_of(parts, spec.uuid)
    if power is not None and not directory.unfinished:
        return power
    if power is None and directory.path.exists() and not directory.unfinished:
        directory.take(parts.host)
    directory.remove(directory.kept)
    directory.begin()
    make_disks(parts, spec)
    progress(0.7)
    return complete(parts, spec, progress)


def complete(parts: Parts, spec: GuestSpec, progress: Progress | None = None) -> PowerState:
    """Define a guest whose disks are there, start it if it is to run, and take its mark away."""
    define(parts, spec)
    if spec.power is not PowerState.SHUTDOWN:
        start(parts, spec.uuid)
    parts.directory(spec.uuid).finish()
    if progress is not None:
        progress(1.0)
    return parts.connection.domain(spec.uuid).power


def start(parts: Parts, uuid: str) -> None:
    """Start a guest that is off."""
    if parts.connection.domain(uuid).power in OFF:
        parts.connection.start(uuid)


OFF = frozenset({PowerState.SHUTDOWN, PowerState.CRASHED, PowerState.NOSTATE})
"""The powers in which a guest does not run."""


def rebuild(parts: Parts, spec: GuestSpec, preserve_ephemeral: bool, progress: Progress) -> PowerState:
    """Replace the root disk, the config drive, and the other disks unless they are preserved."""
    directory = parts.directory(spec.uuid)
    directory.begin()
    if power_of(parts, spec.uuid) is not None:
        parts.connection.cut(spec.uuid)
        parts.connection.forget_saved(spec.uuid)
    for disk in disks_wanted(parts, spec):
        if disk.role == "root" or not preserve_ephemeral:
            parts.disks.remove(spec.uuid, disk.name)
    for path in (directory.config_drive, directory.kernel, directory.ramdisk):
        path.unlink(missing_ok=True)
    make_disks(parts, spec)
    progress(0.7)
    return complete(parts, spec, progress)
