"""The programs that work on disks, played: they leave files of the right kinds with little in them.

A played qcow2 file has the real head, the name of its base, and at `CONTENT_AT` what was written to the disk,
without the zeros after it; a raw file is itself.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from compute_service.virt.libvirt.storage.run import CommandFailed

HEAD = struct.Struct(">4sIQIIQ")
NAME_AT, CONTENT_AT = 1024, 2048
MOST = 1 << 16
"""How much of a raw file is looked at: tests write less."""


def qcow2(size: int, base: str = "", content: bytes = b"") -> bytes:
    """Return a played qcow2 file."""
    name = base.encode()
    head = HEAD.pack(b"QFI\xfb", 3, NAME_AT if name else 0, len(name), 16, size)
    return head.ljust(NAME_AT, b"\0") + name.ljust(CONTENT_AT - NAME_AT, b"\0") + content


def read_disk(path: Path) -> tuple[int, bytes]:
    """Return a disk's size and what it begins with, its base seen through it."""
    with path.open("rb") as file:
        data = file.read(MOST)
    if not data.startswith(b"QFI\xfb"):
        return path.stat().st_size, data.rstrip(b"\0")
    _, _, at, length, _, size = HEAD.unpack(data[: HEAD.size])
    content = data[CONTENT_AT:]
    if not content and at:
        content = read_disk(Path(data[at : at + length].decode()))[1]
    return size, content


def write_disk(path: Path, disk_format: str, size: int, content: bytes) -> None:
    """Write a disk that has no base."""
    if disk_format == "raw":
        path.write_bytes(content)
        os.truncate(path, size)
    else:
        path.write_bytes(qcow2(size, content=content))


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, leaving out its holes: what a played disk has stands in its first bytes."""
    with source.open("rb") as file:
        target.write_bytes(file.read(MOST).rstrip(b"\0"))
    os.truncate(target, source.stat().st_size)


class FakePrograms:
    """A `Runner` that knows qemu-img, cp and mkfs; `ran` lists what was asked for."""

    def __init__(self, before: Callable[[str], None] = lambda what: None) -> None:
        self.ran: list[tuple[str, ...]] = []
        self._before = before

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        """Do what the words say. Raises CommandFailed for words that nobody plays."""
        words = tuple(argv)
        self.ran.append(words)
        self._before(" ".join(words[:2]))
        verb = words[1] if words[0] == "qemu-img" else words[0]
        if verb in {"fallocate", "mkswap", "ip"} or verb.startswith("mkfs"):
            return ""
        play = getattr(self, f"_{verb}", None)
        if play is None:
            raise CommandFailed(f"Nobody plays {words}.")
        try:
            return str(play(words) or "")
        except FileNotFoundError as error:
            raise CommandFailed(f"{words[0]} found no {error.filename}") from error

    def _create(self, words: tuple[str, ...]) -> None:
        path, size = Path(words[-2]), int(words[-1])
        if "-b" in words:
            base = words[words.index("-b") + 1]
            read_disk(Path(base))
            path.write_bytes(qcow2(size, base))
        else:
            write_disk(path, words[words.index("-f") + 1], size, b"")

    def _convert(self, words: tuple[str, ...]) -> None:
        size, content = read_disk(Path(words[-2]))
        write_disk(Path(words[-1]), words[words.index("-O") + 1], size, content)

    def _resize(self, words: tuple[str, ...]) -> None:
        path, size = Path(words[-2]), int(words[-1])
        with path.open("rb") as file:
            data = file.read(MOST)
        if data.startswith(b"QFI\xfb"):
            fields = list(HEAD.unpack(data[: HEAD.size]))
            fields[-1] = size
            path.write_bytes(HEAD.pack(*fields) + data[HEAD.size :])
        else:
            os.truncate(path, size)

    def _info(self, words: tuple[str, ...]) -> str:
        disk_format = words[words.index("-f") + 1]
        return json.dumps({"format": disk_format, "virtual-size": read_disk(Path(words[-1]))[0]})

    def _cp(self, words: tuple[str, ...]) -> None:
        copy_file(Path(words[-2]), Path(words[-1]))
