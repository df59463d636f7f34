"""How far long steps are, in the servers' `progress` and in the columns of their migrations."""

from __future__ import annotations

import threading

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import StepKey
from compute_service.store.flows import flow_get
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.migrations import migration_progress


class ProgressNotes:
    """Writes progress now and then: not of what is over in seconds, and not all the time."""

    SPACING = 5.0
    """Seconds between two writes for one step, and before the first."""
    KEPT = 1000

    def __init__(self, svc: Services) -> None:
        self._svc = svc
        self._noted: dict[StepKey, float] = {}
        self._lock = threading.Lock()

    def note(self, key: StepKey, fraction: float, details: dict[str, int] | None = None) -> None:
        """Show a step's progress; losing one does no harm. `details` are columns of the flow's migration."""
        if not self._is_time(key):
            return
        try:
            with self._svc.store.database(key.database).write() as tx:
                flow = flow_get(tx, key.flow_id)
                seen = instance_get(tx, flow.instance_uuid) if flow and flow.instance_uuid else None
                if seen is not None and seen.task_state is not None:
                    instance_update(tx, seen, progress=max(0, min(100, int(fraction * 100))))
                    if details:
                        migration_progress(tx, seen.uuid, key.flow_id, details)
        except ComputeError:
            return

    def _is_time(self, key: StepKey) -> bool:
        now = self._svc.clock.time()
        with self._lock:
            if key not in self._noted:
                if len(self._noted) >= self.KEPT:
                    self._noted.pop(next(iter(self._noted)))
                self._noted[key] = now
                return False
            if now - self._noted[key] < self.SPACING:
                return False
            self._noted[key] = now
            return True
