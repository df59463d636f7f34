"""Work in lanes: one thing at a time for each server, many servers side by side.

A lane is a queue named by a server's UUID. Work of one lane runs in the order it came; lanes share a pool of
threads. Work of a `kind` that has a limit (builds, snapshots) also waits until fewer than that many of its
kind run; it waits in its lane and takes no thread. Those who wait for a kind are served in their order.

Nothing here starts threads: the pool is passed in. `Stepper` is a pool that runs one piece of work when told
to, in any order, for tests and for the simulation.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

LOG = logging.getLogger(__name__)

Work = Callable[[], None]


class Pool(Protocol):
    """Runs work some time later."""

    def submit(self, work: Work) -> None:
        """Take a piece of work."""


class Stepper:
    """A pool whose owner runs the work, one piece at a time, in the caller's thread."""

    def __init__(self) -> None:
        self._ready: list[Work] = []

    def submit(self, work: Work) -> None:
        """Keep the work until it is stepped."""
        self._ready.append(work)

    @property
    def ready(self) -> int:
        """How many pieces could run now; they belong to different lanes."""
        return len(self._ready)

    def step(self, index: int = 0) -> None:
        """Run one of the ready pieces. What it raises beyond `Exception` comes through to the caller."""
        self._ready.pop(index)()

    def run(self, limit: int = 10_000) -> int:
        """Run until nothing is ready or `limit` pieces were run; return how many."""
        done = 0
        while self._ready and done < limit:
            self.step()
            done += 1
        return done

    def clear(self) -> None:
        """Forget all, as a process that dies does."""
        self._ready.clear()


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work
    kind: str | None
    dropped: Work | None


class Lanes:
    """Serial lanes over a shared pool. `limits` is kind → how many at a time; 0 or no entry is unlimited."""

    def __init__(self, pool: Pool, limits: Mapping[str, int] | None = None) -> None:
        self._pool = pool
        self._limits = {kind: limit for kind, limit in (limits or {}).items() if limit > 0}
        self._lanes: dict[str, deque[_Job]] = {}
        """A lane exists while it has work; its first job is the one that runs or waits for its kind."""
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[str]] = {}
        self._open = True
        self._changed = threading.Condition()

    def submit(self, lane: str, work: Work, kind: str | None = None, dropped: Work | None = None) -> bool:
        """Queue `work` in a lane; False when the lanes are closed.

        `dropped` is called instead when the work is given up unbegun at the end of `drain`.
        """
        with self._changed:
            if not self._open:
                return False
            queue = self._lanes.setdefault(lane, deque())
            queue.append(_Job(work, kind, dropped))
            if len(queue) == 1:
                self._start(lane)
        return True

    def pending(self, kind: str | None = None) -> int:
        """Return how many pieces run or wait, of one kind or of all."""
        with self._changed:
            return sum(kind is None or job.kind == kind for queue in self._lanes.values() for job in queue)

    def busy(self, lane: str) -> bool:
        """Tell whether a lane has work that runs or waits."""
        with self._changed:
            return lane in self._lanes

    def drain(self, timeout: float) -> bool:
        """Take no new work and wait until all is done; True when it was within `timeout` seconds.

        What has not begun by then is dropped. Work that still runs goes on as long as the process does.
        """
        with self._changed:
            self._open = False
            if self._changed.wait_for(lambda: not self._lanes, timeout):
                return True
            left = [job for queue in self._lanes.values() for job in list(queue)[1:]]
            left += [self._lanes[lane][0] for lanes in self._waiting.values() for lane in lanes]
            for lanes in self._waiting.values():
                for lane in lanes:
                    del self._lanes[lane]
            self._waiting.clear()
            for queue in self._lanes.values():
                while len(queue) > 1:
                    queue.pop()
        for job in left:
            if job.dropped is not None:
                job.dropped()
        return False

    def _start(self, lane: str) -> None:
        """Run a lane's first job, or put the lane in line for its kind. Called with the lock held."""
        kind = self._lanes[lane][0].kind
        if kind is not None and kind in self._limits:
            if self._running.get(kind, 0) >= self._limits[kind]:
                self._waiting.setdefault(kind, deque()).append(lane)
                return
            self._running[kind] = self._running.get(kind, 0) + 1
        self._pool.submit(lambda: self._run(lane))

    def _run(self, lane: str) -> None:
        with self._changed:
            job = self._lanes[lane][0]
        try:
            job.work()
        except Exception:
            LOG.exception("Work in lane %s failed", lane)
        with self._changed:
            self._end(lane, job.kind)

    def _end(self, lane: str, kind: str | None) -> None:
        """Take the finished job off its lane and start what it kept waiting. Called with the lock held."""
        if kind is not None and kind in self._limits:
            self._running[kind] -= 1
            if waiting := self._waiting.get(kind):
                self._start(waiting.popleft())
        queue = self._lanes[lane]
        queue.popleft()
        if queue:
            self._start(lane)
        else:
            del self._lanes[lane]
            self._changed.notify_all()
