"""Commands run on a root that is not a host: with the machine's network, and gone when they end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from proving.lab.cgroup import Cgroup
from proving.lab.command import run
from proving.lab.container import contained
from proving.lab.overlay import mount_overlay, unmount_below


def run_inside(root: Path, name: str, words: Sequence[str], binds: Mapping[Path, str], seconds: float) -> str:
    """Run a command on a root and return what it prints. `name` is one that no other run has.

    `binds` are folders of the machine, and where they are seen. Raises Failed.
    """
    options = [f"--bind={there}:{here}" for there, here in binds.items()]
    command = [*options, "--resolv-conf=off", "--pipe", *words]
    return run(contained(Cgroup(f"build-{name}"), f"stratus-{name}", root, command), seconds)


@contextmanager
def workshop(layers: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Have a root of layers, in a folder, that is thrown away after. The folder's name is the workshop's."""
    try:
        abandon(folder)
        root = mount_overlay(layers, folder)
        shutil.copy2("/etc/resolv.conf", root / "etc/resolv.conf")
        yield root
    finally:
        abandon(folder)


def abandon(folder: Path) -> None:
    """End what runs in the workshop of a folder, whoever began it, and remove what is in the folder."""
    cgroup = Cgroup(f"build-{folder.stem}")
    cgroup.kill()
    unmount_below(folder)
    if folder.exists():
        shutil.rmtree(folder)
    cgroup.remove()
