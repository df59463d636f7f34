"""`Member`: one place in a family of processes, and the child that fills it at a time."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from compute_service.cmd import systemd
from compute_service.cmd.forked import begin_forked, name_process
from compute_service.config.settings import Settings

LOG = logging.getLogger(__name__)

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_LASTING = 60.0
"""Seconds after which a child's life counts as a success."""


@dataclass(frozen=True, slots=True)
class Child:
    """A daemon that a family runs."""

    name: str
    main: str
    """`module:function`; called with the command line and the settings that were read from it, it returns
    an exit code."""
    shared: tuple[str, ...] = ()
    """Modules that are loaded before it is forked."""


@dataclass(frozen=True, slots=True)
class Given:
    """What children are given."""

    arguments: tuple[str, ...]
    settings: Settings


class Member:
    """A child that is replaced whenever it ends. Times are those of the monotonic clock."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.pid: int | None = None
        """None while there is none."""
        self.ready = False
        self.due = 0.0
        """When the next child is forked."""
        self._problem = ""
        self._began = 0.0
        self._heard = 0.0
        self._pause = 0.0

    def problem(self) -> str:
        """Return what keeps it from its work; empty when nothing does."""
        if self.pid is None:
            return "ended, and waits to be started again"
        return self._problem if self.ready else "not ready yet"

    def is_due(self, now: float) -> bool:
        """Tell whether a child is to be forked."""
        return self.pid is None and now >= self.due

    def is_silent(self, now: float, limit: float) -> bool:
        """Tell whether a child that was ready has not said that it works for longer than that."""
        return self.pid is not None and self.ready and now - self._heard > limit

    def hear(self, words: Mapping[str, str]) -> None:
        """Take notice of what the child says."""
        self._heard = time.monotonic()
        self.ready = self.ready or words.get("READY") == "1"
        self._problem = words.get(systemd.PROBLEMS, self._problem)

    def fork(self, given: Given, address: str, silence: float | None) -> None:
        """Make a child that speaks to this address, and every so many seconds if that is not None."""
        parent = os.getpid()
        self.ready, self._problem, self._began = False, "", time.monotonic()
        pid = os.fork()
        if pid:
            self.pid = pid
            return
        code = 1
        try:
            begin_forked(parent)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            name_process(self.child.name)
            os.environ["NOTIFY_SOCKET"] = address
            os.environ.pop("WATCHDOG_PID", None)
            if silence is not None:
                os.environ["WATCHDOG_USEC"] = str(int(silence * 1_000_000))
            code = _run(self.child, given)
        finally:
            # What there is to clean up at exit, or above in the stack, is the parent's.
            os._exit(code)

    def send(self, number: int) -> None:
        """Send a signal to the child, if there is one."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def bury(self) -> int | None:
        """Return the exit code of a child that has ended (negative: the signal), or None."""
        if self.pid is None:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid, self.ready = None, False
        return os.waitstatus_to_exitcode(status)

    def pause_before_next(self, now: float) -> float:
        """Return for how long the next child has to wait: longer after each that lived shortly."""
        lasted = now - self._began > _LASTING
        self._pause = _SHORTEST_PAUSE if lasted or not self._pause else min(self._pause * 2, _LONGEST_PAUSE)
        self.due = now + self._pause
        return self._pause


def _run(child: Child, given: Given) -> int:
    module, _, name = child.main.partition(":")
    try:
        return int(getattr(importlib.import_module(module), name)(given.arguments, given.settings))
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        LOG.exception("%s died", child.name)
        return 1
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
