"""Faults on order: how a test makes the outside world fail."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Fault:
    error: Exception
    after: bool


class Faults:
    """The base of the fakes: one lock, a count of calls by verb, and faults that wait for their call."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._faults: dict[str, deque[_Fault]] = {}
        self.calls: Counter[str] = Counter()
        """How often each verb was called, failed calls included."""

    def fail_next(self, verb: str, error: Exception, times: int = 1, after: bool = False) -> None:
        """Let the next `times` calls of a verb raise `error`.

        With `after` the call takes effect first and only its answer is lost. Raises AttributeError for a
        verb that this service does not have.
        """
        getattr(self, verb)
        with self._lock:
            self._faults.setdefault(verb, deque()).extend([_Fault(error, after)] * times)

    @contextmanager
    def _call(self, verb: str) -> Iterator[None]:
        """Hold the lock for one call, and fail if that was ordered."""
        with self._lock:
            self.calls[verb] += 1
            waiting = self._faults.get(verb)
            fault = waiting.popleft() if waiting else None
            if fault is not None and not fault.after:
                raise fault.error
            yield
            if fault is not None:
                raise fault.error
