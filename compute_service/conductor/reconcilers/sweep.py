"""Takes up flows that nobody has and whose time has come: lost doorbells, dead conductors, ended pauses."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import FlowKey
from compute_service.flows.engine import Engine

LOG = logging.getLogger(__name__)


class Sweep:
    """The reconciler of flows."""

    name = "sweep"
    MOST = 100
    """Flows of one database taken up in one run."""

    def __init__(self, engine: Engine, submit: Callable[[Callable[[], None]], None]) -> None:
        self._engine = engine
        self._submit = submit
        self._queued: set[FlowKey] = set()
        self._lock = threading.Lock()

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return self._engine.svc.settings.stratus.flow_sweep_interval

    def run(self) -> int:
        """Submit what is due and is not waiting for a thread already."""
        due = self._engine.due(self.MOST)
        with self._lock:
            new = [key for key in due if key not in self._queued]
            self._queued.update(new)
        for key in new:
            self._submit(lambda key=key: self._advance(key))  # type: ignore[misc]
        return len(new)

    def _advance(self, key: FlowKey) -> None:
        with self._lock:
            self._queued.discard(key)
        try:
            self._engine.advance(key)
        except ComputeError as error:
            LOG.warning("flow %s waits for the next sweep: %s", key.flow_id, error.message)
