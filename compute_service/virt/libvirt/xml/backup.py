"""Copies of a running guest's disks. Source: libvirt documentation, "Backup XML format"."""

from __future__ import annotations

from compute_service.virt.libvirt.xml.element import Element, at, children


class BackupDisk(Element, tag="disk"):
    """What becomes of one disk: `backup` no, or yes into a file."""

    name: str = at("@name")
    backup: bool = at("@backup", default=True)
    type: str | None = at("@type", default=None)
    format: str | None = at("driver/@type", default=None)
    file: str | None = at("target/@file", default=None)


class Backup(Element, tag="domainbackup"):
    """A copy that libvirt writes itself; disks that are not named are copied too, so all have to be."""

    mode: str = at("@mode", default="push")
    disks: tuple[BackupDisk, ...] = children("disks", default=())
