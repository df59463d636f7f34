"""Snapshots of a guest's disks. Source: libvirt documentation, "Snapshot XML format"."""

from __future__ import annotations

from compute_service.virt.libvirt.xml.element import Element, at, children


class SnapshotDisk(Element, tag="disk"):
    """What becomes of one disk: `snapshot` no, or external into a new overlay."""

    name: str = at("@name")
    snapshot: str = at("@snapshot")
    type: str | None = at("@type", default=None)
    format: str | None = at("driver/@type", default=None)
    file: str | None = at("source/@file", default=None)


class Snapshot(Element, tag="domainsnapshot"):
    """A snapshot; memory is left out unless said."""

    name: str | None = at("name", default=None)
    memory: str = at("memory/@snapshot", default="no")
    disks: tuple[SnapshotDisk, ...] = children("disks", default=())
