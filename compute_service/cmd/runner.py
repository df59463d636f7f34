"""What every daemon does between its start and its end: timers, signals, readiness, drain.

    SIGTERM, SIGINT   stop: no new work, finish what was begun, within manager_shutdown_timeout seconds;
                      a second one ends the process at once
    SIGHUP            read the configuration again and take over the options that may change
    SIGUSR2           write what every thread is doing to the log

The service manager hears when the daemon is ready, while it works, and when it stops.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from types import FrameType

from compute_service.cmd import systemd
from compute_service.cmd.bell import Bell
from compute_service.cmd.figures import shown_elsewhere
from compute_service.cmd.health import Health, Listener, listener_of
from compute_service.cmd.logs import configure, set_levels
from compute_service.cmd.metrics import Metrics, with_process_figures
from compute_service.cmd.timers import Timers
from compute_service.config.load import ConfigError, adopt
from compute_service.config.settings import Settings

LOG = logging.getLogger(__name__)

Stop = Callable[[float], object]
"""Ends one part within so many seconds; returns False when work was left."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)


class Runner:
    """Runs one daemon. `reload` reads the configuration anew on SIGHUP; None keeps it as it is."""

    def __init__(
        self,
        program: str,
        settings: Settings,
        reload: Callable[[], Settings] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.program = program
        self.settings = settings
        self.metrics = metrics or Metrics()
        self.health = Health()
        self._reload = reload
        self._words: deque[int] = deque()
        self._bell = Bell()
        self._unwell = False
        self.timers = Timers()
        self._stops: list[tuple[str, Stop]] = []
        self._reloads: list[Callable[[], object]] = []
        self.health.add("timers", self.timers.check, live=True)

    def on_stop(self, name: str, stop: Stop) -> None:
        """Have a part ended when the daemon stops; the part added last ends first."""
        self._stops.append((name, stop))

    def on_reload(self, work: Callable[[], object]) -> None:
        """Have something done after the configuration was read again."""
        self._reloads.append(work)

    def stop(self) -> None:
        """Ask the daemon to stop, as SIGTERM does."""
        self._note(signal.SIGTERM, None)

    def run(self) -> int:
        """Run until told to stop; returns the exit code: 0, or 1 when work was left unfinished."""
        listener = self._listen()
        self._bell.attach()
        before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        try:
            self.timers.start()
            systemd.ready(f"{self.program} serves")
            LOG.info("%s is ready", self.program)
            self._wait()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _leave_at_once)
            return self._end()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._bell.detach()
            if listener is not None:
                listener.stop()

    def _listen(self) -> Listener | None:
        if shown_elsewhere():
            return None
        if self.settings.stratus.metrics_port:
            with_process_figures(self.metrics)
        return listener_of(self.settings, self.metrics, self.health)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._words.append(number)
        self._bell.set()

    def _wait(self) -> None:
        limit = systemd.watchdog_seconds()
        pause = 30.0 if limit is None else limit / 3
        while True:
            self._tell_problems()
            if not self.health.hangs():
                systemd.alive()
            if not self._words and not self._bell.wait(pause):
                continue
            self._bell.clear()
            if not self._words:
                continue
            word = self._words.popleft()
            if word == signal.SIGHUP:
                self.reload()
            elif word == signal.SIGUSR2:
                dump_threads()
            else:
                return

    def _tell_problems(self) -> None:
        problems = self.health.problems()
        if problems:
            LOG.error("%s is not well: %s", self.program, problems)
        if problems or self._unwell:
            systemd.problems("; ".join(f"{name}: {why}" for name, why in problems.items()))
        self._unwell = bool(problems)

    def reload(self) -> None:
        """Read the configuration again; a broken one is told of and changes nothing."""
        systemd.reloading()
        try:
            if self._reload is not None:
                taken, ignored = adopt(self.settings, self._reload())
                set_levels(self.settings)
                LOG.info("configuration read again; changed: %s", ", ".join(taken) or "nothing")
                if ignored:
                    LOG.warning("these options need a restart to change: %s", ", ".join(ignored))
            for work in self._reloads:
                work()
        except ConfigError as error:
            LOG.error("the configuration was not taken over: %s", error)
        except Exception:
            LOG.exception("the configuration was not taken over in full")
        systemd.ready(f"{self.program} serves")

    def _end(self) -> int:
        limit = float(self.settings.default.manager_shutdown_timeout)
        LOG.info("%s stops: up to %d seconds for the work begun", self.program, limit)
        systemd.stopping(f"{self.program} finishes its work", limit + 10)
        deadline = time.monotonic() + limit
        clean = True
        # Leases are renewed by a timer, so timers go on until the work begun is finished.
        for name, stop in [*reversed(self._stops), ("timers", self.timers.stop)]:
            left = max(0.0, deadline - time.monotonic())
            try:
                done = stop(left) is not False
            except Exception:
                LOG.exception("%s did not stop well", name)
                done = False
            if not done:
                LOG.warning("%s was left with work unfinished", name)
            clean &= done
        LOG.info("%s stopped", self.program)
        return 0 if clean else 1


def dump_threads() -> None:
    """Write what every thread is doing to the log."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = [
        f"thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    ]
    LOG.warning("%d threads:\n%s", len(parts), "\n".join(parts))


def _leave_at_once(_number: int, _frame: FrameType | None) -> None:
    os._exit(1)


def begin(program: str, settings: Settings) -> None:
    """Make ready for a daemon: logs first, so that whatever follows is heard."""
    configure(settings, program)
    threading.excepthook = _log_thread_death


def _log_thread_death(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit or args.exc_value is None:
        return
    name = args.thread.name if args.thread else "?"
    LOG.error("thread %s died", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
