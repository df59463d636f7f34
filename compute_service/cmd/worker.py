"""What a process that serves a WSGI application does first."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compute_service.cmd.logs import configure
from compute_service.cmd.settings_here import settings_here
from compute_service.config.settings import Settings

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads the application in a worker that `parent` started.

    A worker does not outlive its parent for a moment: without one nobody bounds its requests, replaces it or
    stops it. Only SIGKILL is sure to end it: what a handler notes may be lost while the server starts. Until
    it serves, SIGTERM ends it at once: it has the parent's handlers, which would only note the signal.
    """

    target: str
    """`module:name`."""
    parent: int

    def __call__(self) -> Callable[..., Any]:
        """Return the application."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.parent:
            os._exit(1)
        module, _, name = self.target.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return found


def begin_worker(program: str) -> Settings:
    """Make logs and return the settings; SIGUSR2 then writes what every thread does to the error stream."""
    settings = settings_here(program)
    configure(settings, program)
    faulthandler.register(signal.SIGUSR2, all_threads=True, chain=False)
    return settings
