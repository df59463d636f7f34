"""A bounded pool of threads that never keeps the process from ending.

The standard library's pool joins its threads when the interpreter exits, so one call that hangs in a
hypervisor would hang the daemon; these threads are daemons, and waiting for the work is `Lanes.drain`'s, with
a limit.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)


class ThreadPool:
    """Runs what it is given on at most `size` threads, started as they are needed."""

    def __init__(self, size: int, name: str = "worker") -> None:
        self._size = size
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = threading.Semaphore(0)
        self._threads = 0
        self._closed = False

    def submit(self, work: Callable[[], None]) -> None:
        """Run `work` as soon as a thread is free. Raises RuntimeError after `close`."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            self._work.put(work)
            if not self._idle.acquire(blocking=False) and self._threads < self._size:
                self._threads += 1
                threading.Thread(target=self._run, name=f"{self._name}-{self._threads}", daemon=True).start()

    def close(self) -> None:
        """Let the threads end when the queue is empty; does not wait."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._work.put(None)

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get_nowait()
            except queue.Empty:
                self._idle.release()
                work = self._work.get()
            if work is None:
                return
            try:
                work()
            except Exception:
                LOG.exception("Work in pool %s failed", self._name)
