"""Removing guests."""

from __future__ import annotations

from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import power_of
from compute_service.virt.libvirt.storage.rbd import RbdImages
from compute_service.virt.libvirt.vifs import unplug_all


def destroy(parts: Parts, uuid: str, disks: bool) -> None:
    """Take the guest's power away, forget it and unplug it; with `disks` remove all of its files."""
    directory = parts.directory(uuid)
    forget(parts, uuid, state=disks)
    if disks:
        parts.disks.remove_all(uuid)
        directory.remove(directory.path)
        directory.remove(directory.copied)
        directory.remove(directory.incoming)


def abandon(parts: Parts, uuid: str) -> None:
    """Forget a guest whose server lives on another host, and remove what only this host has of it.

    A directory that another host has taken is that host's, and so are all disks in Ceph.
    """
    directory = parts.directory(uuid)
    if directory.taken_by in (None, parts.host):
        shared = isinstance(parts.disks, RbdImages)
        forget(parts, uuid, state=True)
        if not shared:
            parts.disks.remove_all(uuid)
        directory.remove(directory.path)
        directory.remove(directory.copied)
        directory.remove(directory.incoming)
        return
    theirs = directory.ports.read_bytes() if directory.ports.exists() else None
    forget(parts, uuid, state=False)
    if theirs is not None:
        directory.ports.write_bytes(theirs)


def forget(parts: Parts, uuid: str, state: bool) -> None:
    """Cut a guest's power, forget it and unplug it. `state` is what its firmware keeps."""
    if power_of(parts, uuid) is not None:
        parts.connection.cut(uuid)
        parts.connection.undefine(uuid, state)
    unplug_all(parts.plugger, parts.directory(uuid).ports, uuid)
