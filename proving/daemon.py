"""`Daemon`: one of our own daemons, watched as a service manager does."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from proving.process import Launch, Process

BIN = Path(sys.executable).parent


class Daemon(Process):
    """Ready is when it says so itself."""

    def __init__(
        self, name: str, program: str, files: Sequence[Path], folder: Path, verb: Sequence[str] = ()
    ) -> None:
        """`files` are its configuration; its log comes into `folder`. `verb` is what the program is to do."""
        words = [*verb, *(word for file in files for word in ("--config-file", str(file)))]
        self.program = program
        self._notify = f"stratus-{secrets.token_hex(8)}"
        self._manager: socket.socket | None = None
        environment = {"NOTIFY_SOCKET": f"@{self._notify}", "PYTHONWARNINGS": "ignore"}
        launch = Launch([str(BIN / program), *words], environment)
        super().__init__(name, folder / f"{name}.log", launch, self._said)

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.running:
            return
        self._close()
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(f"\0{self._notify}")
        self._manager.settimeout(0.2)
        super().start()

    def stop(self, number: int = 15, seconds: float = 30) -> int:
        """Send a signal and return the exit code; see `Process.stop`."""
        try:
            return super().stop(number, seconds)
        finally:
            self._close()

    def _said(self) -> bool:
        if self._manager is None:
            return False
        with suppress(TimeoutError):
            while True:
                if b"READY=1" in self._manager.recv(4096):
                    return True
        return False

    def _close(self) -> None:
        if self._manager is not None:
            self._manager.close()
            self._manager = None
