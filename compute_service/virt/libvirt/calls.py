"""Calls that may hang, each with a limit of time.

A call cannot be taken back once it is in libvirt's hands, so each runs in a thread of its own which is left
behind when the time is over. Threads that hang are counted: too many, and no more are begun.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from compute_service.domain.errors import Timeout

T = TypeVar("T")


class _Answer:
    """What a call gave, once it has."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.value: object = None
        self.error: BaseException | None = None


class Calls:
    """Runs at most `most` calls at a time."""

    def __init__(self, what: str, most: int = 64) -> None:
        self._what = what
        self._free = threading.BoundedSemaphore(most)

    def run(self, call: Callable[[], T], seconds: float) -> T:
        """Return what the call returns, or raise what it raises. Raises Timeout after so many seconds."""
        if not self._free.acquire(timeout=seconds):
            raise Timeout(f"{self._what} does not answer: too many calls wait for it.")
        answer = _Answer()
        threading.Thread(target=self._work, args=(call, answer), name=self._what, daemon=True).start()
        if not answer.ready.wait(seconds):
            raise Timeout(f"{self._what} did not answer within {seconds:g} seconds.")
        if answer.error is not None:
            raise answer.error
        return answer.value  # type: ignore[return-value]

    def _work(self, call: Callable[[], object], answer: _Answer) -> None:
        try:
            answer.value = call()
        except BaseException as error:
            answer.error = error
        finally:
            self._free.release()
            answer.ready.set()
