"""Removes tokens of consoles that have run out."""

from __future__ import annotations

import logging

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.store.console_tokens import console_tokens_purge

LOG = logging.getLogger(__name__)


class OldTokens:
    """The reconciler of console tokens."""

    name = "tokens"
    MOST = 1000
    """Tokens of one cell removed in one run."""

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    @property
    def interval(self) -> float:
        """Seconds between two runs."""
        return float(self._svc.settings.default.instance_delete_interval)

    def run(self) -> int:
        """Remove what has run out in every cell."""
        count = 0
        now = self._svc.clock.time()
        for cell in self._svc.store.cells(include_disabled=True):
            try:
                with self._svc.store.database(cell.uuid).write() as tx:
                    count += console_tokens_purge(tx, now, self.MOST)
            except ComputeError as error:
                LOG.warning("old tokens of cell %s stay for now: %s", cell.uuid, error.message)
        return count
