"""A folder that lives no longer than its process, however that one ends.

A process that is killed cannot clean up after itself. So each folder has a lock that dies with the process
and its children, and the next one that makes a folder beside it removes those whose lock nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

from compute_service.domain.errors import Unavailable

LOG = logging.getLogger(__name__)

_LOCK, _BEING_MADE = "lock", "lock.new"


class Scratch:
    """A folder of this process's own, in `place`, with a name that begins with `name`; see `path`."""

    def __init__(self, place: Path, name: str) -> None:
        """Make it, and remove what processes left that were killed. Raises Unavailable for a bad place."""
        try:
            place.mkdir(parents=True, exist_ok=True)
            remove_left(place, name)
            self.path = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=place))
            self._lock = _locked(self.path / _BEING_MADE)
            # Under its name it is there and held at once, lest somebody take the folder for one left behind.
            (self.path / _BEING_MADE).rename(self.path / _LOCK)
        except OSError as error:
            raise Unavailable(f"No temporary folder can be made in {place}: {error.strerror}.") from error

    def remove(self) -> None:
        """Remove it with all that is in it; repeating is fine."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_left(place: Path, name: str) -> int:
    """Remove folders of this name whose process is gone; returns how many there were."""
    left = [one for one in place.glob(f"{name}.*") if _is_left(one)]
    for one in left:
        LOG.info("removing %s, which a process left that was killed", one)
        shutil.rmtree(one, ignore_errors=True)
    return len(left)


def _is_left(folder: Path) -> bool:
    """Tell whether a folder of ours has a lock that nobody holds."""
    with contextlib.suppress(OSError):
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            return False
        held = _locked(folder / _LOCK, make=False)
        if held is not None:
            os.close(held)
        return held is not None
    return False


def _locked(path: Path, make: bool = True) -> int | None:
    """Return the descriptor of a file that is now locked by us, or None when another has the lock."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT | os.O_EXCL if make else 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
