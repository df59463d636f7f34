"""Roots of hosts, kept from lab to lab: a base of Debian, and layers of more packages over it.

A layer's name is made of all that goes into it, so another list of packages or other sources make another.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from proving.lab.cgroup import Cgroup
from proving.lab.command import run
from proving.lab.container import contained
from proving.lab.machine import cache_folder
from proving.lab.overlay import mount_overlay, unmount_below
from proving.lab.sources import copy_trust, machine_settings, machine_sources

BASE_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "procps", "sudo"),
    *("iproute2", "iputils-ping", "nftables", "openssh-server", "ca-certificates"),
    *("python3", "python3-apt"),
)
_RECIPE = 1
"""Another number makes all layers anew."""
_BASE_SECONDS, _PACKAGES_SECONDS = 600, 900
_INSTALL = """set -eu
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
apt-get -q update
apt-get -q -y --no-install-recommends install "$@"
rm /usr/sbin/policy-rc.d
rm -rf /var/lib/apt/lists/*
"""
_FINISH = """set -eu
update-ca-certificates >/dev/null
rm -f /etc/ssh/ssh_host_*
systemctl --quiet enable systemd-networkd.service ssh.service
systemctl --quiet disable systemd-networkd-wait-online.service
systemctl --quiet mask systemd-modules-load.service
"""


@dataclass(frozen=True)
class Layers:
    """The layers in a cache, made when they are asked for and not there."""

    cache: Path
    suite: str = "trixie"

    @classmethod
    def here(cls, suite: str = "trixie") -> Layers:
        """Return those of this machine."""
        return cls(cache_folder(), suite)

    def stack(self, packages: Sequence[str] = ()) -> tuple[Path, ...]:
        """Return the folders that make a root, the topmost first, making what is missing.

        Raises Failed, or Unable when the machine has no sources of packages.
        """
        base = self._made(self._base_name(), self._make_base)
        if not packages:
            return (base,)
        wanted = sorted(set(packages))
        name = f"packages-{_digest(base.parent.name, wanted)}"
        return (self._made(name, lambda folder: self._make_packages(folder, base, wanted)), base)

    def sweep(self) -> None:
        """Remove what is left of layers whose making was killed."""
        for folder in (self.cache / "layers").glob("*.part"):
            with suppress(BlockingIOError), _lock(folder.with_suffix(".lock"), wait=False):
                _abandon(folder)

    def _base_name(self) -> str:
        sources = machine_sources(self.suite)
        architecture = run(["dpkg", "--print-architecture"]).strip()
        parts = (
            _RECIPE,
            self.suite,
            architecture,
            BASE_PACKAGES,
            sources,
            machine_settings(),
            _FINISH,
            _INSTALL,
        )
        return f"base-{self.suite}-{_digest(*parts)}"

    def _made(self, name: str, make: Callable[[Path], Path]) -> Path:
        """Return a layer. `make` fills a folder and returns which folder in it the layer is."""
        finished = self.cache / "layers" / name / "root"
        if not finished.is_dir():
            with _lock(self.cache / "layers" / f"{name}.lock"):
                if not finished.is_dir():
                    self._make(finished, make)
        os.utime(finished.parent)
        return finished

    def _make(self, finished: Path, make: Callable[[Path], Path]) -> None:
        folder = finished.parent.with_suffix(".part")
        try:
            _abandon(folder)
            folder.mkdir(parents=True)
            made = make(folder)
            unmount_below(folder)
            finished.parent.mkdir()
            made.rename(finished)
        finally:
            _abandon(folder)

    def _make_base(self, folder: Path) -> Path:
        sources, root = folder / "machine.sources", folder / "made"
        sources.write_text(machine_sources(self.suite))
        include = ",".join(BASE_PACKAGES)
        options = ["--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={include}"]
        command = ["mmdebstrap", *options, self.suite, str(root), str(sources)]
        run(Cgroup(f"build-{folder.stem}").joining(command), _BASE_SECONDS)
        copy_trust(root)
        self._inside(folder, root, _FINISH, ())
        return root

    def _make_packages(self, folder: Path, base: Path, packages: Sequence[str]) -> Path:
        root = mount_overlay([base], folder)
        shutil.copy2("/etc/resolv.conf", root / "etc/resolv.conf")
        self._inside(folder, root, _INSTALL, packages)
        (root / "etc/resolv.conf").unlink()
        return folder / "upper"

    def _inside(self, folder: Path, root: Path, script: str, words: Sequence[str]) -> None:
        """Run a script on a root, with the machine's network and a store of packages."""
        debs = self.cache / "debs" / self.suite
        debs.mkdir(parents=True, exist_ok=True)
        name = folder.stem
        more = [f"--bind={debs}:/var/cache/apt/archives", "--resolv-conf=off", "--pipe"]
        command = ["/bin/sh", "-c", script, "sh", *words]
        with _lock(debs.with_suffix(".lock")):
            cgroup = Cgroup(f"build-{name}")
            run(contained(cgroup, f"stratus-{name}", root, [*more, *command]), _PACKAGES_SECONDS)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _abandon(folder: Path) -> None:
    """End what makes a layer, and remove what it made in its folder."""
    cgroup = Cgroup(f"build-{folder.stem}")
    cgroup.kill()
    unmount_below(folder)
    if folder.exists():
        shutil.rmtree(folder)
    cgroup.remove()


@contextmanager
def _lock(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold a lock of the machine for as long as the block lasts; it ends with the process.

    Raises BlockingIOError when others have it and we shall not wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
