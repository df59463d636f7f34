"""Tells, after each audit period, of every server that was there in it: `instance.exists`.

Whichever conductor comes first takes a cell's period, by a note in the cell's log; the others find it taken.
"""

from __future__ import annotations

import logging
from datetime import datetime

from compute_service.control.act import NOTE, Nothing
from compute_service.control.notices import tell_existence
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import FlowState
from compute_service.domain.notices.period import Period
from compute_service.flows.submit import new_flow
from compute_service.store.flows import flow_insert
from compute_service.store.usage_audit import instances_in_period

LOG = logging.getLogger(__name__)

_PAUSE = 0.25
"""Seconds between two pages, so that the line of notifications keeps up: a thousand servers a second."""


class UsageAudit:
    """The reconciler of audit periods. Raises Invalid for an option that names no period."""

    name = "usage-audit"
    PAGE = 250

    def __init__(self, svc: Services) -> None:
        self._svc = svc
        self._period = Period.parse(svc.settings.default.instance_usage_audit_period)
        self._done: dict[str, datetime] = {}
        """Cell → the end of the last period that is known to be taken."""

    @property
    def interval(self) -> float:
        """A minute, where audits are wanted and somebody listens."""
        wanted = self._svc.settings.default.instance_usage_audit and self._svc.notify.forms
        return 60.0 if wanted else 0.0

    def run(self) -> int:
        """Tell of the servers of every cell whose last period nobody has taken; returns how many."""
        begin, end = self._period.last(self._svc.clock.now())
        count = 0
        for cell in self._svc.store.cells(include_disabled=True):
            if self._done.get(cell.uuid) == end:
                continue
            try:
                if self._take(cell.uuid, end):
                    count += self._tell(cell.uuid, begin, end)
                self._done[cell.uuid] = end
            except ComputeError as error:
                LOG.warning("the use of cell %s is not told: %s", cell.uuid, error.message)
        return count

    def _take(self, cell: str, end: datetime) -> bool:
        """Note in a cell's log that its period is taken; False when it was."""
        now = self._svc.clock.now()
        note = new_flow(NOTE, Nothing(), flow_id=self._period.note_id(cell, end))
        ended = note.replace(state=FlowState.DONE, started_at=now, updated_at=now, finished_at=now)
        with self._svc.store.database(cell).write() as tx:
            return flow_insert(tx, ended)

    def _tell(self, cell: str, begin: datetime, end: datetime) -> int:
        count = after = 0
        while True:
            with self._svc.store.database(cell).read() as tx:
                page = instances_in_period(tx, begin, end, after, self.PAGE)
            for server in page:
                tell_existence(self._svc, server, begin, end)
            count += len(page)
            if len(page) < self.PAGE:
                LOG.info("told the use of %d servers of cell %s until %s", count, cell, end)
                return count
            after = page[-1].id
            self._svc.clock.sleep(_PAUSE)
