"""Answers a question that is asked again with the answer that is being found, or was just found.

Who waited in vain asks again, and does so most when the scheduler is slow: work done twice would make it
slower. A choice that was just made still stands, for its claims do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field

from compute_service.domain.errors import Timeout
from compute_service.domain.request import Decision, SelectRequest

KEPT_SECONDS = 10.0
"""For which a choice is remembered."""
_WAIT_SECONDS = 60.0

Choose = Callable[[SelectRequest], Decision]


@dataclass(slots=True)
class _Known:
    request: SelectRequest
    answer: Future[Decision] = field(default_factory=Future)
    until: float | None = None
    """When it is forgotten; None while it is being found."""


class Repeats:
    """What was asked lately, shared by threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: dict[tuple[str, ...], _Known] = {}
        self._lock = threading.Lock()

    def answer(self, request: SelectRequest, choose: Choose) -> Decision:
        """Return what `choose` returns, which is not called for a request that was asked lately.

        Raises what it raises.
        """
        if request.request.rebuild:
            return choose(request)
        with self._lock:
            self._forget_old()
            known = self._known.get(request.consumers)
            mine = known is None or known.request != request
            if known is None or mine:
                known = self._known[request.consumers] = _Known(request)
        if mine:
            return self._find(known, choose)
        try:
            return known.answer.result(_WAIT_SECONDS)
        except FutureTimeout:
            raise Timeout("the same question is still being answered") from None

    def _find(self, known: _Known, choose: Choose) -> Decision:
        """Find an answer; it is remembered when hosts were claimed, for a refusal may not hold any more."""
        keep = False
        try:
            decision = choose(known.request)
            keep = bool(decision.selections)
            known.answer.set_result(decision)
        except BaseException as error:
            known.answer.set_exception(error)
            raise
        finally:
            with self._lock:
                if keep:
                    known.until = self._now() + KEPT_SECONDS
                elif self._known.get(known.request.consumers) is known:
                    del self._known[known.request.consumers]
        return decision

    def _forget_old(self) -> None:
        now = self._now()
        old = [key for key, known in self._known.items() if known.until is not None and known.until < now]
        for key in old:
            del self._known[key]
