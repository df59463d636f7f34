"""`Process`: a program that is started, asked whether it is ready, stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS = 120.0
_LOG_END = 3000


class Missing(RuntimeError):
    """A program is not installed. The message says how it comes here."""


class NotReady(RuntimeError):
    """A program did not come up. The message has the end of its log."""


@dataclass(frozen=True)
class Launch:
    """How a program is started. `user` None is the user we are."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside what the process that starts it has."""
    folder: Path | None = None
    user: str | None = None


class Process:
    """One program with everything it starts itself, in a session of its own; all of that is killed."""

    def __init__(self, name: str, log: Path, launch: Launch, probe: Callable[[], bool]) -> None:
        """`probe` tells whether the program serves; it may take a second, and may raise OSError for no."""
        self.name, self.log = name, log
        self.launch = launch
        self._probe = probe
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process that was started last. Raises RuntimeError when none was."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    def pids(self) -> list[int]:
        """Return that process and all that belong to it."""
        return [
            pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _session(pid) == self.pid
        ]

    def start(self) -> None:
        """Start it, unless it runs; see `ready`. Its log grows from start to start."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                list(self.launch.command),
                env=os.environ | dict(self.launch.environment),
                cwd=self.launch.folder,
                user=self.launch.user,
                group=self.launch.user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it serves. Raises NotReady when it ends before, or does not in time."""
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:
            with suppress(OSError):
                if self._probe():
                    return
            time.sleep(0.05)
        why = "does not answer" if self.running else "has ended"
        raise NotReady(f"{self.name} {why}:\n{self.tail()}")

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """Send a signal and return the exit code. Whatever is left after `seconds` is killed."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            if number == signal.SIGKILL:
                self._kill()
            else:
                process.send_signal(number)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill()
            return process.wait(10)
        finally:
            self._kill()

    def kill(self) -> None:
        """End it at once, with everything that belongs to it."""
        self.stop(signal.SIGKILL)

    def close(self) -> None:
        """End it for good."""
        self.kill()

    def restart(self, number: int = signal.SIGTERM) -> None:
        """Stop it, start it and wait until it serves."""
        self.stop(number)
        self.start()
        self.ready()

    def tail(self, characters: int = _LOG_END) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def program(name: str, package: str, *directories: str | Path) -> str:
    """Return where a program is. Raises Missing, naming the Debian package that has it."""
    path = os.pathsep.join(
        [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *map(str, directories)]
    )
    found = shutil.which(name, path=path)
    if found is None:
        raise Missing(f"{name} is not installed (Debian: apt-get install {package})")
    return found


def secret_file(path: Path, text: str) -> Path:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path
