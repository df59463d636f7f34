"""Looks into a disk image before anything opens it for a guest.

The file's first bytes must be of the format that its record says, so that no program can be led to take it
for another one; and a format that can point at other files must not. What fails here fails on every host.
Source: QEMU documentation, "qcow2" and "qemu-img info"; VMware, "Virtual Disk Format 1.1".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compute_service.domain.errors import BuildAborted
from compute_service.domain.record import Record
from compute_service.virt.libvirt.storage.run import CommandFailed, Runner

SECONDS = 60.0
"""How long looking may take."""
HEAD = 0x8200
"""Bytes that hold every mark, the one of ISO 9660 last."""
MARKS: tuple[tuple[str, int, bytes], ...] = (
    ("qcow2", 0, b"QFI\xfb"),
    ("qed", 0, b"QED\0"),
    ("vmdk", 0, b"KDMV"),
    ("vmdk", 0, b"COWD"),
    ("vmdk", 0, b"# Disk DescriptorFile"),
    ("vhdx", 0, b"vhdxfile"),
    ("vhd", 0, b"conectix"),
    ("vdi", 0x40, b"\x7f\x10\xda\xbe"),
    ("luks", 0, b"LUKS\xba\xbe"),
    ("parallels", 0, b"WithoutFreeSpace"),
    ("parallels", 0, b"WithouFreSpacExt"),
    ("iso", 0x8001, b"CD001"),
)
"""Format, offset and bytes by which it is known."""
PLAIN = frozenset({"raw", "ari", "aki", "ami", "iso"})
"""Formats that are read as they are."""
DRIVERS = {"qcow2": "qcow2", "vmdk": "vmdk", "vhd": "vpc", "vhdx": "vhdx", "vdi": "vdi", "qed": "qed"}
"""QEMU's name for a format."""
VMDK_TYPES = frozenset({"monolithicSparse", "streamOptimized"})
"""Kinds of VMDK that are one file."""
SAFE_RAW = frozenset({"iso"})
"""What may lie in a raw image: a hybrid ISO is a disk too."""


class Inspected(Record):
    """A disk image that may be used. `driver` is QEMU's name of its format, sizes are in bytes."""

    driver: str
    virtual_bytes: int


def mark_of(path: Path) -> str | None:
    """Return the format that the file's bytes show, or None for plain data."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return next((name for name, at, mark in MARKS if head[at : at + len(mark)] == mark), None)


def inspect(path: Path, disk_format: str, runner: Runner) -> Inspected:
    """Return what the image is. Raises BuildAborted when it is not what it claims or points elsewhere,
    CommandFailed when this host cannot look."""
    shown = mark_of(path)
    if disk_format in PLAIN:
        if shown is not None and shown not in SAFE_RAW:
            raise BuildAborted(f"The image says it is {disk_format}, but its data is {shown}.")
        return Inspected(driver="raw", virtual_bytes=path.stat().st_size)
    if disk_format not in DRIVERS:
        raise BuildAborted(f"Images of format {disk_format} cannot be used on this host.")
    if shown != disk_format and not _fixed_vhd(path, disk_format):
        raise BuildAborted(f"The image says it is {disk_format}, but its data is {shown or 'plain'}.")
    driver = DRIVERS[disk_format]
    facts = _facts(path, driver, runner)
    _check(facts, path, disk_format)
    return Inspected(driver=driver, virtual_bytes=int(facts["virtual-size"]))


def _fixed_vhd(path: Path, disk_format: str) -> bool:
    """Return whether this is a VHD of fixed size, whose mark stands in its last 512 bytes."""
    size = path.stat().st_size
    if disk_format != "vhd" or size < 512:
        return False
    with path.open("rb") as file:
        file.seek(size - 512)
        return file.read(8) == b"conectix"


def _facts(path: Path, driver: str, runner: Runner) -> dict[str, Any]:
    argv = ("qemu-img", "info", "--force-share", "--output=json", "-f", driver, str(path))
    text = runner.run(argv, SECONDS, limited=True)
    try:
        facts = json.loads(text)
    except ValueError:
        raise CommandFailed("qemu-img info did not answer in JSON.") from None
    if not isinstance(facts, dict) or not isinstance(facts.get("virtual-size"), int):
        raise CommandFailed("qemu-img info did not tell the size of the image.")
    return facts


def _check(facts: dict[str, Any], path: Path, disk_format: str) -> None:
    """Raise BuildAborted when the image is not one file of its own."""
    if facts.get("format") != DRIVERS[disk_format]:
        raise BuildAborted(f"The image says it is {disk_format}, but is {facts.get('format')}.")
    if facts.get("backing-filename") or facts.get("full-backing-filename"):
        raise BuildAborted("The image has a backing file, which images may not.")
    if facts.get("encrypted"):
        raise BuildAborted("The image is encrypted, which images may not be.")
    specific = facts.get("format-specific")
    data = specific.get("data") if isinstance(specific, dict) else None
    if not isinstance(data, dict):
        data = {}
    if data.get("data-file"):
        raise BuildAborted("The image keeps its data in another file, which images may not.")
    if disk_format == "vmdk":
        _check_vmdk(data, path)


def _check_vmdk(data: dict[str, Any], path: Path) -> None:
    kind = data.get("create-type")
    if kind not in VMDK_TYPES:
        raise BuildAborted(f"A VMDK image of type {kind} cannot be used; it has to be one file.")
    extents = data.get("extents")
    names = [extent.get("filename") for extent in extents] if isinstance(extents, list) else []
    if any(name != str(path) for name in names):
        raise BuildAborted("The VMDK image has parts in other files, which images may not.")
