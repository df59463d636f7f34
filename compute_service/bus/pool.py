"""Threads for work that may hang: made when needed, gone when idle, never in the way of the process's end.

The standard library's executor joins its threads when the interpreter exits, so one call stuck on a dead
broker would keep a daemon from stopping. These are daemon threads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

LOG = logging.getLogger(__name__)

T = TypeVar("T")

_IDLE_SECONDS = 10.0


class Pool:
    """At most `most` threads; further work waits in line."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: deque[Callable[[], None]] = deque()
        lock = threading.Lock()
        self._changed = threading.Condition(lock)
        self._settled = threading.Condition(lock)
        self._threads = 0
        self._idle = 0
        self._made = 0
        self._closed = False

    def submit(self, work: Callable[[], None]) -> bool:
        """Run `work` soon; False when the pool is closed. What it raises is logged."""
        with self._changed:
            if self._closed:
                return False
            self._work.append(work)
            if self._idle >= len(self._work):
                self._changed.notify()
                return True
            if self._threads >= self._most:
                return True
            self._threads += 1
            self._made += 1
            name = f"{self._name}-{self._made}"
        threading.Thread(target=self._run, name=name, daemon=True).start()
        return True

    def future(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` soon and return the future of its value; cancelled at once when the pool is closed."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        if not self.submit(run):
            future.cancel()
        return future

    def close(self, timeout: float = 0.0) -> bool:
        """Take no more work and wait for what was taken; what has not begun in time is dropped.

        Returns True when everything was done.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            while self._work or self._threads > self._idle:
                left = deadline - time.monotonic()
                if left <= 0 or not self._settled.wait(left):
                    break
            done = not self._work and self._threads <= self._idle
            self._work.clear()
            self._changed.notify_all()
            return done

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except Exception:
                LOG.exception("work of %s failed", self._name)

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            if not self._work:
                self._idle += 1
                self._settled.notify_all()
                self._changed.wait_for(lambda: self._work or self._closed, _IDLE_SECONDS)
                self._idle -= 1
            if self._work:
                return self._work.popleft()
            self._threads -= 1
            self._settled.notify_all()
            return None
