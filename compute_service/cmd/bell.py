"""Wakes the main thread, from signal handlers too.

A lock is the wrong thing for that: a handler may run while the main thread holds it, and a signal that the
kernel hands to another thread does not wake a main thread that waits for one. A pipe has neither fault.

The pipe is there for as long as anybody holds the bell, for whoever holds it may ring at any time.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import weakref


class Bell:
    """Has the methods of `threading.Event`. From `attach` to `detach` signals wake the one who waits."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._set = False
        for end in (self._read, self._write):
            weakref.finalize(self, os.close, end)

    def attach(self) -> None:
        """Have signals wake the waiting main thread, whichever thread they are handed to."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """Return what becomes readable when it rings, for those who wait for other things too."""
        return self._read

    def is_set(self) -> bool:
        """Tell whether it was rung since it was cleared."""
        return self._set

    def set(self) -> None:
        """Ring."""
        self._set = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def clear(self) -> None:
        """Forget that it was rung."""
        self._set = False
        self._drain()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until rung, at most `timeout` seconds; tells whether it was."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._set:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            select.select([self._read], [], [], left)
            self._drain()
        return self._set

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)

    def detach(self) -> None:
        """Have signals wake nobody."""
        signal.set_wakeup_fd(-1)
