"""What was found lately: bounded in number, and each entry in time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Lately(Generic[V]):
    """Remembers values by key for some seconds, the youngest `most` of them."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, key: str) -> V | None:
        """Return what is remembered, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            if self._clock() < found[0]:
                return found[1]
            del self._kept[key]
            return None

    def put(self, key: str, value: V) -> None:
        """Remember a value."""
        if self._seconds <= 0:
            return
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (self._clock() + self._seconds, value)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget what is remembered under a key."""
        with self._lock:
            self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)
