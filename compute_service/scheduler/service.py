"""The scheduler as the others reach it: answers the topic `scheduler`."""

from __future__ import annotations

import time
from collections.abc import Callable

from compute_service.domain.protocol import Scheduler
from compute_service.domain.request import Decision, SelectRequest
from compute_service.scheduler.pipeline import Selector
from compute_service.scheduler.repeats import Repeats

Observe = Callable[[Decision, float], None]
"""Called with each decision and the seconds it took."""


def unobserved(decision: Decision, seconds: float) -> None:
    """Ignore a decision."""


class SchedulerService(Scheduler):
    """Endpoint of `domain.protocol.Scheduler`; any number of threads and processes may serve it."""

    def __init__(self, selector: Selector, observe: Observe = unobserved) -> None:
        self._selector = selector
        self._observe = observe
        self._repeats = Repeats()

    def select(self, request: SelectRequest) -> Decision:
        """Choose hosts and claim them, once for a question that is asked again meanwhile or just after."""
        return self._repeats.answer(request, self._select)

    def _select(self, request: SelectRequest) -> Decision:
        began = time.monotonic()
        decision = self._selector.select(request)
        self._observe(decision, time.monotonic() - began)
        return decision
