"""What a process that serves a WSGI application does first."""

from __future__ import annotations

import faulthandler
import importlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compute_service.cmd.forked import begin_forked
from compute_service.cmd.logs import configure
from compute_service.cmd.settings_here import settings_here
from compute_service.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads the application in a worker that `parent` started."""

    target: str
    """`module:name`."""
    parent: int

    def __call__(self) -> Callable[..., Any]:
        """Return the application."""
        begin_forked(self.parent)
        module, _, name = self.target.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return found


def begin_worker(program: str) -> Settings:
    """Make logs and return the settings; SIGUSR2 then writes what every thread does to the error stream."""
    settings = settings_here()
    configure(settings, program)
    faulthandler.register(signal.SIGUSR2, all_threads=True, chain=False)
    return settings
