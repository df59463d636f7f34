"""A memcached server."""

from __future__ import annotations

import os
from pathlib import Path

from proving.ports import accepts, free_port
from proving.process import Launch, Process, program


class Memcached(Process):
    """Serves 127.0.0.1."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """Raises Missing."""
        self.port = port or free_port()
        owner = ["-u", "root"] if os.geteuid() == 0 else []
        command = [
            program("memcached", "memcached"),
            "-l",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "0",
            *owner,
        ]
        super().__init__("memcached", folder / "log", Launch(command), lambda: accepts(self.port))

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"
