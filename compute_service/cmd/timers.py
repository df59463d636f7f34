"""Work that comes round, each kind on a thread of its own, so that a slow one holds up no other."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LOG = logging.getLogger(__name__)

STUCK_SECONDS = 300.0
"""A run that takes longer than this, and than ten intervals, counts as stuck."""


@dataclass(slots=True)
class Timer:
    """Work that comes round every `interval` seconds, give or take a tenth.

    The interval is asked for anew each time, so that an option may change while the daemon runs; at 0 or less
    the work rests, and is looked at again a minute later.
    """

    name: str
    interval: Callable[[], float]
    work: Callable[[], object]
    begun: float | None = None
    """When the run that is going on began, by the monotonic clock."""
    bell: threading.Event = field(default_factory=threading.Event)

    def ring(self) -> None:
        """Have the work done now."""
        self.bell.set()

    @property
    def stuck(self) -> bool:
        """Whether a run takes far too long."""
        began = self.begun
        return began is not None and time.monotonic() - began > max(STUCK_SECONDS, 10 * self.interval())


class Timers:
    """The timers of a daemon."""

    def __init__(self) -> None:
        self._timers: list[Timer] = []
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._started = False

    def every(
        self,
        interval: float | Callable[[], float],
        work: Callable[[], object],
        name: str,
        *,
        delay: float = 0.0,
    ) -> Timer:
        """Run `work` every `interval` seconds, first after a random part of `delay` seconds.

        What it raises is logged, and it comes round again.
        """
        asked = interval if callable(interval) else (lambda: interval)
        timer = Timer(name, asked, work)
        thread = threading.Thread(target=self._run, args=(timer, delay), name=f"timer-{name}", daemon=True)
        self._timers.append(timer)
        self._threads.append(thread)
        if self._started:
            thread.start()
        return timer

    def start(self) -> None:
        """Let them run."""
        self._started = True
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> bool:
        """Begin no more runs and wait for those going on; True when all ended in time."""
        self._ending.set()
        for timer in self._timers:
            timer.ring()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def check(self) -> None:
        """Raise RuntimeError when some work is stuck (a health check)."""
        stuck = [timer.name for timer in self._timers if timer.stuck]
        if stuck:
            raise RuntimeError(f"stuck: {', '.join(stuck)}")

    def _run(self, timer: Timer, delay: float) -> None:
        timer.bell.wait(random.uniform(0, delay))  # noqa: S311 - no secret
        while not self._ending.is_set():
            timer.bell.clear()
            interval = timer.interval()
            if interval > 0:
                timer.begun = time.monotonic()
                try:
                    timer.work()
                except Exception:
                    LOG.exception("%s failed; it comes round again", timer.name)
                timer.begun = None
            if not self._ending.is_set():
                timer.bell.wait(interval * random.uniform(0.9, 1.1) if interval > 0 else 60.0)  # noqa: S311
