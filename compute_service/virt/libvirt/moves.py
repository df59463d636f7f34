"""Guests that move while they are off: to another host, or to another size on this one.

The source sets its directory aside under another name and hands over what is in it. To another host disks go
as they are but with no base under them, so that the target needs nothing else; a host that sees the same
directory, as over NFS, takes them from there. Until the move is settled, what was set aside can come back.
"""

from __future__ import annotations

import os
import uuid as uuids
from pathlib import Path

from compute_service.domain.errors import HostRejected, NotFound, NotSupported
from compute_service.domain.guest import DisksMoved, GuestSpec
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.destroy import forget
from compute_service.virt.libvirt.directory import PART, GuestDirectory
from compute_service.virt.libvirt.disks import grow_disks
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.power import shut_down, shutdown_seconds
from compute_service.virt.libvirt.spawn import complete, power_of

KEPT, INCOMING = "kept", "incoming"
"""Where the target finds the disks: in what was set aside, or in what was sent to it."""
WHOLE = "whole"
"""The file that is sent last."""
COPY_SECONDS = 7200.0


def migrate_out(parts: Parts, spec: GuestSpec, target: str, target_ip: str | None) -> DisksMoved:
    """Stop the guest, set its directory aside, and bring its disks where the target finds them."""
    directory = parts.directory(spec.uuid)
    if not parts.disks.movable:
        raise NotSupported("Guests are moved and resized only where their disks are files in instances_path.")
    if not directory.kept.exists():
        _set_aside(parts, spec, directory)
    address = target_ip or target
    if target == parts.host or _sees(parts, directory, address):
        return DisksMoved(uuid=spec.uuid, location=KEPT, details={"source": parts.host})
    _hand_over(parts, directory, address)
    return DisksMoved(uuid=spec.uuid, location=INCOMING, details={"source": parts.host})


def _set_aside(parts: Parts, spec: GuestSpec, directory: GuestDirectory) -> None:
    power = power_of(parts, spec.uuid)
    if power is None and not directory.path.exists():
        raise NotFound(f"Guest {spec.uuid} is not on host {parts.host}.")
    if power is PowerState.RUNNING:
        shut_down(parts, spec.uuid, shutdown_seconds(parts, spec))
    forget(parts, spec.uuid, state=False)
    directory.path.rename(directory.kept)


def _sees(parts: Parts, directory: GuestDirectory, address: str) -> bool:
    """Return whether a host sees what this one writes."""
    probe = directory.kept / f"probe-{uuids.uuid4()}"
    probe.touch()
    try:
        return parts.carrier.sees(address, probe)
    finally:
        probe.unlink(missing_ok=True)


def _hand_over(parts: Parts, directory: GuestDirectory, address: str) -> None:
    parts.carrier.prepare(address, directory.incoming)
    leaving = directory.kept / f"leaving{PART}"
    for file in sorted(directory.kept.iterdir()):
        if file.suffix == PART:
            continue
        if file.name.startswith("disk"):
            parts.disks.standalone(file, leaving)
            parts.carrier.send(leaving, address, directory.incoming / file.name)
            leaving.unlink()
        elif file.name in {directory.kernel.name, directory.ramdisk.name}:
            parts.carrier.send(file, address, directory.incoming / file.name)
    leaving.touch()
    parts.carrier.send(leaving, address, directory.incoming / WHOLE)
    leaving.unlink()


def migrate_in(parts: Parts, spec: GuestSpec, moved: DisksMoved, resize: bool) -> PowerState:
    """Make the guest from what was handed over, larger where `resize` says so."""
    directory = parts.directory(spec.uuid)
    power = power_of(parts, spec.uuid)
    if power is not None and not directory.unfinished:
        return power
    if not directory.path.exists():
        _take(parts, directory, moved)
    if resize:
        grow_disks(parts, spec)
    return complete(parts, spec)


def _take(parts: Parts, directory: GuestDirectory, moved: DisksMoved) -> None:
    """Give what was handed over the guest's own name, marked as unfinished."""
    if moved.location == INCOMING and (directory.incoming / WHOLE).exists():
        (directory.incoming / "unfinished").touch()
        (directory.incoming / WHOLE).rename(directory.incoming / "taken")
        directory.incoming.rename(directory.path)
    elif moved.location == INCOMING and (directory.incoming / "taken").exists():
        directory.incoming.rename(directory.path)
    elif moved.location == KEPT and directory.kept.exists():
        _copy(parts, directory)
    else:
        raise HostRejected(f"The disks that were handed over ({moved.location}) are not there.")


def _copy(parts: Parts, directory: GuestDirectory) -> None:
    part = directory.copied
    directory.remove(part)
    part.mkdir()
    for file in sorted(directory.kept.iterdir()):
        if file.suffix != PART and file.name != "ports.json":
            how = ("cp", "--sparse=always", "--reflink=auto", "--", str(file), str(part / file.name))
            parts.runner.run(how, COPY_SECONDS)
    (part / "unfinished").touch()
    os.replace(part, directory.path)


def migrate_back(parts: Parts, spec: GuestSpec) -> PowerState:
    """Make the guest again from what was set aside."""
    directory = parts.directory(spec.uuid)
    if directory.kept.exists():
        forget(parts, spec.uuid, state=False)
        directory.remove(directory.path)
        (directory.kept / "unfinished").touch()
        _rename(directory.kept, directory.path)
    elif not directory.unfinished:
        return parts.connection.domain(spec.uuid).power
    return complete(parts, spec)


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        raise HostRejected(f"{source} could not be taken back: {error.strerror}.") from error


def migrate_settle(parts: Parts, uuid: str) -> None:
    """Remove what was set aside."""
    directory = parts.directory(uuid)
    directory.remove(directory.kept)
