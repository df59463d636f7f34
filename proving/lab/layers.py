"""Roots of hosts, kept from lab to lab: a base of Debian, and layers of more packages over it.

A layer's name is made of all that goes into it, so another list of packages or other sources make another.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from proving.lab.cgroup import Cgroup
from proving.lab.command import run
from proving.lab.locks import locked
from proving.lab.machine import cache_folder
from proving.lab.overlay import mount_overlay, unmount_below
from proving.lab.sources import copy_trust, machine_settings, machine_sources
from proving.lab.workshop import abandon, run_inside

BASE_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "procps", "sudo"),
    *("iproute2", "iputils-ping", "nftables", "openssh-server", "ca-certificates"),
    *("python3", "python3-apt"),
)
VENV = "/opt/venv"
"""Where hosts have Python packages that are not Debian's."""
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
_VENV = """set -eu
python3 -m venv --system-site-packages "$0"
"$0/bin/pip" --quiet --disable-pip-version-check --no-cache-dir install "$@"
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

    def stack(self, packages: Sequence[str] = (), requirements: Sequence[str] = ()) -> tuple[Path, ...]:
        """Return the folders that make a root, the topmost first, making what is missing.

        `requirements` are for pip, and go into a virtual environment in VENV that sees Debian's Python too.
        Raises Failed, or Unable when the machine has no sources of packages.
        """
        made: tuple[Path, ...] = (self._made(self._base_name(), self._make_base),)
        wanted = {*packages, *(["python3-venv"] if requirements else [])}
        if wanted:
            made = self._over(made, "packages", _INSTALL, sorted(wanted), "sh")
        if requirements:
            made = self._over(made, "python", _VENV, sorted(set(requirements)), VENV)
        return made

    def _over(
        self, below: tuple[Path, ...], kind: str, script: str, words: Sequence[str], name: str
    ) -> tuple[Path, ...]:
        """Return a stack with one more layer: what a script makes, called by a name with words."""

        def make(folder: Path) -> Path:
            root = mount_overlay(below, folder)
            shutil.copy2("/etc/resolv.conf", root / "etc/resolv.conf")
            self._inside(folder, root, script, (name, *words))
            (root / "etc/resolv.conf").unlink()
            return folder / "upper"

        return (self._made(f"{kind}-{digest(below[0].parent.name, script, words)}", make), *below)

    def sweep(self) -> None:
        """Remove what is left of layers whose making was killed."""
        for folder in (self.cache / "layers").glob("*.part"):
            with suppress(BlockingIOError), locked(folder.with_suffix(".lock"), wait=False):
                abandon(folder)

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
        return f"base-{self.suite}-{digest(*parts)}"

    def _made(self, name: str, make: Callable[[Path], Path]) -> Path:
        """Return a layer. `make` fills a folder and returns which folder in it the layer is."""
        finished = self.cache / "layers" / name / "root"
        if not finished.is_dir():
            with locked(self.cache / "layers" / f"{name}.lock"):
                if not finished.is_dir():
                    self._make(finished, make)
        os.utime(finished.parent)
        return finished

    def _make(self, finished: Path, make: Callable[[Path], Path]) -> None:
        folder = finished.parent.with_suffix(".part")
        try:
            abandon(folder)
            folder.mkdir(parents=True)
            made = make(folder)
            unmount_below(folder)
            finished.parent.mkdir()
            made.rename(finished)
        finally:
            abandon(folder)

    def _make_base(self, folder: Path) -> Path:
        sources, root = folder / "machine.sources", folder / "made"
        sources.write_text(machine_sources(self.suite))
        include = ",".join(BASE_PACKAGES)
        options = ["--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={include}"]
        command = ["mmdebstrap", *options, self.suite, str(root), str(sources)]
        run(Cgroup(f"build-{folder.stem}").joining(command), _BASE_SECONDS)
        copy_trust(root)
        self._inside(folder, root, _FINISH, ("sh",))
        return root

    def _inside(self, folder: Path, root: Path, script: str, words: Sequence[str]) -> None:
        """Run a script on a root, with a store of packages that one at a time may use."""
        debs = self.cache / "debs" / self.suite
        debs.mkdir(parents=True, exist_ok=True)
        with locked(debs.with_suffix(".lock")):
            command = ["/bin/sh", "-c", script, *words]
            run_inside(root, folder.stem, command, {debs: "/var/cache/apt/archives"}, _PACKAGES_SECONDS)


def digest(*parts: object) -> str:
    """Return a name for what is made of these parts, which JSON can hold."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
