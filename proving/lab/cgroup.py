"""A cgroup a lab's host: what it started is found there, whatever became of those who started it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from proving.lab.machine import cgroup_roots

TOP = "stratus-lab"
_TIDY_SECONDS = 3.0
"""What nspawn may take to end after what it ran."""
_JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Cgroup:
    """One, by its path below those of all labs, such as `mine/h1`; `mine` holds all of that lab."""

    path: str

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where it is or would be, in each hierarchy."""
        return tuple(root / TOP / self.path for root in cgroup_roots())

    def joining(self, command: list[str]) -> list[str]:
        """Make it, and return a command that joins it and then does what `command` does."""
        for folder in self.folders:
            folder.mkdir(parents=True, exist_ok=True)
        return ["sh", "-c", _JOIN, "sh", *(f"{one}/cgroup.procs" for one in self.folders), "--", *command]

    def pids(self, part: str = "") -> set[int]:
        """Return the processes in it and below, as this machine counts them.

        `part` is `payload` for those that run inside of containers only.
        """
        found: set[int] = set()
        for folder in self.folders:
            for file in folder.rglob(f"{part}/**/cgroup.procs" if part else "cgroup.procs"):
                with suppress(OSError):
                    found |= {int(line) for line in file.read_text().split()}
        return found - {0}

    def kill(self, seconds: float = 20) -> None:
        """End all processes in it. Raises TimeoutError when some do not end.

        What runs inside of containers goes first, so that nspawn itself sees it end and tidies up.
        """
        began = time.monotonic()
        while left := self.pids():
            waited = time.monotonic() - began
            if waited > seconds:
                raise TimeoutError(f"processes of {self.path} do not end: {sorted(left)}")
            inside = self.pids("payload")
            for pid in inside or (left if waited > _TIDY_SECONDS else ()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def remove(self, seconds: float = 10) -> None:
        """Remove it with all below. Nothing may run in it any more. Raises OSError."""
        deadline = time.monotonic() + seconds
        for folder in self.folders:
            inner = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
            for path in (*inner, folder, folder.parent):
                while (
                    path.is_dir() and not _gone(path, path == folder.parent) and time.monotonic() < deadline
                ):
                    time.sleep(0.02)


def _gone(path: Path, shared: bool) -> bool:
    """Remove one cgroup and return whether that is done, or need not be: others may be in a shared one."""
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return shared
    return True
