"""Brings a moved guest's files to its new host."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Protocol

from compute_service.virt.libvirt.storage.run import Runner

QUICK = 60.0
COPY = 7200.0
_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-T")


class Carrier(Protocol):
    """Writes to other hosts. Errors: HostRejected."""

    def prepare(self, address: str, directory: Path) -> None:
        """Make an empty directory on a host, in place of what is there."""

    def send(self, file: Path, address: str, target: Path) -> None:
        """Copy one file to a host."""

    def remove(self, address: str, directory: Path) -> None:
        """Remove a directory on a host; nothing there is fine."""

    def sees(self, address: str, file: Path) -> bool:
        """Return whether a file of this host is there on the other one too, for they share a directory."""


class RemoteShell:
    """A `Carrier` over ssh, as the user of nova-compute, which needs a key that the other host takes."""

    def __init__(self, runner: Runner, how: str) -> None:
        self._runner = runner
        self._how = how

    def prepare(self, address: str, directory: Path) -> None:
        """Make an empty directory."""
        self.remove(address, directory)
        self._runner.run((*_SSH, "--", address, "mkdir", "-p", str(directory)), QUICK)

    def send(self, file: Path, address: str, target: Path) -> None:
        """Copy one file, leaving out its holes where the program can."""
        where = f"[{address}]:{target}" if ":" in address else f"{address}:{target}"
        if self._how == "rsync":
            shell = " ".join(_SSH[:-1])
            self._runner.run(("rsync", "--sparse", "--rsh", shell, "--", str(file), where), COPY)
        else:
            self._runner.run(("scp", "-q", "-o", "BatchMode=yes", "--", str(file), where), COPY)

    def remove(self, address: str, directory: Path) -> None:
        """Remove a directory."""
        self._runner.run((*_SSH, "--", address, "rm", "-rf", "--", str(directory)), QUICK)

    def sees(self, address: str, file: Path) -> bool:
        """Return whether a file of this host is there on the other one too."""
        what = f"if [ -e {shlex.quote(str(file))} ]; then echo yes; else echo no; fi"
        return self._runner.run((*_SSH, "--", address, what), QUICK).strip() == "yes"
