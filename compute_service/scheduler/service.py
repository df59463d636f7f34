"""The scheduler as the others reach it: answers the topic `scheduler`."""

from __future__ import annotations

import time
from collections.abc import Callable

from compute_service.domain.protocol import Scheduler
from compute_service.domain.request import Decision, SelectRequest
from compute_service.scheduler.pipeline import Selector

Observe = Callable[[Decision, float], None]
"""Called with each decision and the seconds it took."""


def unobserved(decision: Decision, seconds: float) -> None:
    """Ignore a decision."""


class SchedulerService(Scheduler):
    """Endpoint of `domain.protocol.Scheduler`; any number of threads and processes may serve it."""

    def __init__(self, selector: Selector, observe: Observe = unobserved) -> None:
        self._selector = selector
        self._observe = observe

    def select(self, request: SelectRequest) -> Decision:
        """Choose hosts and claim them."""
        began = time.monotonic()
        decision = self._selector.select(request)
        self._observe(decision, time.monotonic() - began)
        return decision
