"""What a process does first that was forked from another one of ours."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def begin_forked(parent: int) -> None:
    """Belong to `parent`, and have none of its signal handlers.

    It does not outlive its parent for a moment: without one nobody bounds its work, replaces it or stops it.
    Only SIGKILL is sure to end it: what a handler notes may be lost while a server starts. Until it has
    handlers of its own, SIGTERM and SIGINT end it at once.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def name_process(name: str) -> None:
    """Have tools such as ps and top show this name, or its first 15 letters."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())
