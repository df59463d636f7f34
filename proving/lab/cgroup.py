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
_TRIES = 100
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
            _make(folder)
        return ["sh", "-c", _JOIN, "sh", *(f"{one}/cgroup.procs" for one in self.folders), "--", *command]

    def pids(self, part: str = "") -> set[int]:
        """Return the processes in it and below, as this machine counts them.

        `part` is `payload` for those that run inside of containers only.
        """
        found: set[int] = set()
        for folder in self.folders:
            for inner in _inside(folder):
                if not part or part in inner.relative_to(folder).parts:
                    with suppress(OSError):
                        found |= {int(line) for line in (inner / "cgroup.procs").read_text().split()}
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
        """Remove it with all below. Nothing may run in it any more. Raises OSError when it does not go."""
        deadline = time.monotonic() + seconds
        for folder in self.folders:
            while folder.exists():
                try:
                    for inner in _inside(folder):
                        inner.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
            # Others may be in the one above.
            with suppress(OSError):
                folder.parent.rmdir()


def _make(folder: Path) -> None:
    """Make a folder; the one above may be removed meanwhile by the end of another lab."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return
    raise FileNotFoundError(f"{folder} could not be made")


def _inside(folder: Path) -> list[Path]:
    """Return a folder and those in it, the innermost first; some may be gone already."""
    return [Path(path) for path, _, _ in os.walk(folder, topdown=False)]
