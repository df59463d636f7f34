"""File systems and swap space on fresh disks."""

from __future__ import annotations

from pathlib import Path

from compute_service.domain.errors import HostRejected
from compute_service.virt.libvirt.storage.run import Runner

SECONDS = 600.0
COMMANDS = {
    "ext2": ("mkfs.ext2", "-q", "-F", "-L"),
    "ext3": ("mkfs.ext3", "-q", "-F", "-L"),
    "ext4": ("mkfs.ext4", "-q", "-F", "-L"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-L"),
    "vfat": ("mkfs.vfat", "-n"),
    "ntfs": ("mkntfs", "--force", "--fast", "--label"),
}
"""The program of a file system; label and file follow."""


def make_filesystem(path: Path, kind: str, label: str, runner: Runner) -> None:
    """Format a raw image or a device. Raises HostRejected for a file system this host cannot make."""
    if kind == "swap":
        runner.run(("mkswap", str(path)), SECONDS)
        return
    if kind not in COMMANDS:
        raise HostRejected(f"This host does not format disks with {kind}.")
    runner.run((*COMMANDS[kind], label[:11] if kind == "vfat" else label, str(path)), SECONDS)
