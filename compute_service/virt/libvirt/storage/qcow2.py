"""What the head of a qcow2 file says. Source: QEMU documentation, "qcow2 image file format"."""

from __future__ import annotations

import struct
from pathlib import Path

MAGIC = b"QFI\xfb"
_HEAD = struct.Struct(">4sIQI")
"""Mark, version, and where the name of the base stands and how long it is."""
_SIZE_AT = 24
"""Where the disk's size stands."""
LONGEST_NAME = 1023


def base_of(path: Path) -> str | None:
    """Return the name of the image under this one; None when there is none or this is no qcow2 file."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size or not head.startswith(MAGIC):
                return None
            _, _, offset, length = _HEAD.unpack(head)
            if not offset or not 0 < length <= LONGEST_NAME:
                return None
            file.seek(offset)
            return file.read(length).decode(errors="surrogateescape")
    except OSError:
        return None


def virtual_bytes(path: Path) -> int:
    """Return how large a disk is that a guest sees: a qcow2 file says so, any other file is the disk itself.

    A file that cannot be read counts as nothing.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_SIZE_AT + 8)
            if head.startswith(MAGIC) and len(head) == _SIZE_AT + 8:
                return int.from_bytes(head[_SIZE_AT:])
        return path.stat().st_size
    except OSError:
        return 0
