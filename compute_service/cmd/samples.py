"""Figures of what happens often: noted for the price of an append, added up a moment later.

Counting and timing one thing costs about three microseconds where it is done at once, and a fast request has
fifty. So each is put in a line, and a thread adds up what is alike, twice a second while there is anything.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Histogram

_PAUSE = 0.5
_MOST = 20_000
"""Samples in line at which whoever brings the next one adds them up: the thread does not keep up."""

Labels = tuple[str, ...]


class Timed:
    """Something that is counted by all its labels, and timed by some of them."""

    def __init__(self, counter: Counter, histogram: Histogram, timed_by: slice) -> None:
        self._counter = counter
        self._histogram = histogram
        self._timed_by = timed_by
        self._counters: dict[Labels, Any] = {}
        self._histograms: dict[Labels, Any] = {}

    def take(self, labels: Labels, seconds: list[float]) -> None:
        """Count and time several that have the same labels."""
        counter = self._counters.get(labels)
        if counter is None:
            counter = self._counters[labels] = self._counter.labels(*labels)
            times = self._histogram.labels(*labels[self._timed_by])
            self._histograms[labels] = times
        counter.inc(len(seconds))
        _observe(self._histograms[labels], seconds)


def _observe(histogram: Any, seconds: list[float]) -> None:
    """Observe several at once; the library has a word for one only."""
    bounds, buckets = histogram._upper_bounds, histogram._buckets
    filled: dict[int, int] = {}
    for one in seconds:
        at = bisect_left(bounds, one)
        filled[at] = filled.get(at, 0) + 1
    histogram._sum.inc(sum(seconds))
    for at, number in filled.items():
        buckets[at].inc(number)


class Samples:
    """The line, and the thread that empties it while it has to. Safe to use from several threads."""

    def __init__(self) -> None:
        self._line: deque[tuple[Timed, Labels, float]] = deque()
        self._emptying = False
        self._lock = threading.Lock()
        self._looks: list[Callable[[], object]] = []

    def look_by(self, look: Callable[[], object]) -> None:
        """Have `look` called whenever the line is emptied, to show what is then."""
        self._looks.append(look)

    def add(self, what: Timed, labels: Labels, seconds: float) -> None:
        """Note that something took so long."""
        self._line.append((what, labels, seconds))
        if not self._emptying:
            self._empty_soon()
        elif len(self._line) > _MOST:
            self.add_up()

    def add_up(self) -> None:
        """Add up what is in line."""
        with self._lock:
            alike: dict[tuple[Timed, Labels], list[float]] = {}
            for _ in range(len(self._line)):
                what, labels, seconds = self._line.popleft()
                found = alike.get((what, labels))
                if found is None:
                    alike[what, labels] = [seconds]
                else:
                    found.append(seconds)
            for (what, labels), times in alike.items():
                what.take(labels, times)
        for look in self._looks:
            look()

    def _empty_soon(self) -> None:
        with self._lock:
            if self._emptying:
                return
            self._emptying = True
        threading.Thread(target=self._empty, name="figures", daemon=True).start()

    def _empty(self) -> None:
        while True:
            time.sleep(_PAUSE)
            self.add_up()
            with self._lock:
                if not self._line:
                    self._emptying = False
                    return
