"""What children tell their parent, in the words in which a daemon speaks to its service manager."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of a sender. Source: unix(7)."""


class Hearing:
    """A socket in the form that NOTIFY_SOCKET names. It tells who speaks, so strangers can be passed over."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        # The kernel chooses a name that no file has.
        self._socket.bind("")
        self.address = "@" + self._socket.getsockname()[1:].decode()

    def fileno(self) -> int:
        """Return what becomes readable when somebody speaks."""
        return self._socket.fileno()

    def heard(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield who has spoken, as a process, and what was assigned."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, about, _, _ = self._socket.recvmsg(8192, socket.CMSG_SPACE(_CREDENTIALS.size))
                for _level, kind, content in about:
                    if kind == socket.SCM_CREDENTIALS and len(content) == _CREDENTIALS.size:
                        yield _CREDENTIALS.unpack(content)[0], _assignments(data)

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


def _assignments(data: bytes) -> dict[str, str]:
    lines = data.decode(errors="replace").splitlines()
    return {name: value for name, is_one, value in (line.partition("=") for line in lines) if is_one}
