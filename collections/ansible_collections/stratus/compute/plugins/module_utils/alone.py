"""One at a time: what a killed run began on a host goes on there, and the next run waits for it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

FOLDER = "/run/lock"
_PAUSE = 0.2


class Occupied(Exception):
    """Another has been at it for longer than was to be waited."""


@contextmanager
def alone(what: str, seconds: float = 600.0, folder: str = FOLDER) -> Iterator[None]:
    """Have nobody else on this host be at `what`, for as long as the block lasts. Raises Occupied."""
    deadline = time.monotonic() + seconds
    handle = os.open(
        os.path.join(folder, f"stratus-{what}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
    )
    try:
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise Occupied(
                    f"an earlier run has been at {what} on this host for more than {seconds:g} s; "
                    "see which process with: lsof " + os.path.join(folder, f"stratus-{what}.lock")
                )
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
