"""The net below the net: a server that says it is being worked on while no flow works on it.

No path leads there; if one is found all the same, the server must not stay so. It becomes idle, or goes to
ERROR when it was being built, and the log says so loudly.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, Stale
from compute_service.domain.instance import Fault, Instance
from compute_service.domain.states import VmState
from compute_service.store.database import Tx
from compute_service.store.flows import unfinished_flow_of_instance
from compute_service.store.instances import instance_update, instances_busy

LOG = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=5)
"""How long such a server is left alone: a flow may be about to be logged."""


class Stranded:
    """The reconciler of task states."""

    name = "stranded servers"
    interval = 60.0
    MOST = 100

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    def run(self) -> int:
        """Look through every cell."""
        count = 0
        for cell in self._svc.store.cells(include_disabled=True):
            try:
                with self._svc.store.database(cell.uuid).write() as tx:
                    count += sum(self._free(tx, row) for row in self._found(tx))
            except Stale:
                continue
            except ComputeError as error:
                LOG.warning("cell %s cannot be looked through: %s", cell.uuid, error.message)
        return count

    def _found(self, tx: Tx) -> list[Instance]:
        return instances_busy(tx, self._svc.clock.now() - PATIENCE, self.MOST)

    def _free(self, tx: Tx, row: Instance) -> bool:
        if unfinished_flow_of_instance(tx, row.uuid) is not None:
            return False
        LOG.error("server %s was %s with nobody working on it", row.uuid, row.task_state)
        changes: dict[str, Any] = {"task_state": None}
        if row.vm_state is VmState.BUILDING:
            now = self._svc.clock.now()
            changes |= {
                "vm_state": VmState.ERROR,
                "fault": Fault(code=500, message="Building was lost.", created=now),
            }
        instance_update(tx, row, **changes)
        return True
