"""Overlay mounts, and the end of any mount below a folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from proving.lab.command import Failed, run, succeeds

_BUSY_SECONDS = 10.0


def mount_overlay(layers: Sequence[Path], folder: Path) -> Path:
    """Mount `folder`/root: `layers`, the topmost first, with what is written kept in `folder`/upper.

    Raises Failed.
    """
    upper, work, root = folder / "upper", folder / "work", folder / "root"
    for path in (upper, work, root):
        path.mkdir(parents=True, exist_ok=True)
    upper.chmod(0o755)
    below = ":".join(map(str, layers))
    if any(sign in str(path) for path in (*layers, folder) for sign in ",:\\"):
        raise Failed(
            f"a folder with a comma, colon or backslash in its name cannot be mounted: {below} {folder}"
        )
    run(["mount", "-t", "overlay", "lab", "-o", f"lowerdir={below},upperdir={upper},workdir={work}", root])
    return root


def mounts_below(folder: Path) -> list[Path]:
    """Return the mounts at and below a folder, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    paths = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    return [path for path in reversed(paths) if path == folder or folder in path.parents]


def unmount_below(folder: Path) -> None:
    """End all mounts at and below a folder; one that stays busy is taken out of sight and ends later."""
    for path in mounts_below(folder):
        deadline = time.monotonic() + _BUSY_SECONDS
        while not succeeds(["umount", path]):
            if time.monotonic() > deadline:
                run(["umount", "--lazy", path])
                break
            time.sleep(0.1)
