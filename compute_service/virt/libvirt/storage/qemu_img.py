"""qemu-img: makes, copies, grows and measures disk images. Source: QEMU documentation, "qemu-img".

The format of every image is said, never guessed.
"""

from __future__ import annotations

import json
from pathlib import Path

from compute_service.virt.libvirt.storage.run import CommandFailed, Runner

QUICK = 120.0
"""Seconds for what writes little."""
COPY = 7200.0
"""Seconds for what reads or writes a whole disk."""


class QemuImg:
    """The program, run by `runner`. Raises CommandFailed."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def blank(self, path: Path, disk_format: str, size: int) -> None:
        """Make an empty image of so many bytes."""
        self._runner.run(("qemu-img", "create", "-q", "-f", disk_format, str(path), str(size)), QUICK)

    def overlay(self, path: Path, base: Path, base_format: str, size: int) -> None:
        """Make a qcow2 image that begins as `base` and leaves that as it is."""
        how = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", base_format, "-b", str(base))
        self._runner.run((*how, str(path), str(size)), QUICK)

    def copy(self, source: tuple[str, str], target: tuple[str, str], compress: bool = False) -> None:
        """Write an image anew, with no base under it. Each is (format, path or address)."""
        packed = ("-c",) if compress and target[0] == "qcow2" else ()
        how = ("qemu-img", "convert", "-q", *packed)
        self._runner.run((*how, "-f", source[0], "-O", target[0], source[1], target[1]), COPY)

    def fill(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Write an image onto a device that is there and at least as large. Each is (format, path)."""
        how = ("qemu-img", "convert", "-q", "-n", "-f", source[0], "-O", target[0])
        self._runner.run((*how, source[1], target[1]), COPY)

    def grow(self, path: str, disk_format: str, size: int) -> None:
        """Make an image larger."""
        self._runner.run(("qemu-img", "resize", "-q", "-f", disk_format, path, str(size)), QUICK)

    def size(self, path: str, disk_format: str) -> int:
        """Return how large the disk is that a guest sees, in bytes."""
        how = ("qemu-img", "info", "--force-share", "--output=json", "-f", disk_format, path)
        text = self._runner.run(how, QUICK)
        try:
            return int(json.loads(text)["virtual-size"])
        except (ValueError, KeyError, TypeError):
            raise CommandFailed(f"qemu-img info did not tell the size of {path}.") from None
