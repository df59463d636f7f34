"""Deletes soft-deleted servers for good when `reclaim_instance_interval` is over."""

from __future__ import annotations

import logging
from datetime import timedelta

from compute_service.control.bell import ring
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, Stale
from compute_service.domain.flow import FlowKey
from compute_service.domain.instance import Instance
from compute_service.domain.states import TaskState
from compute_service.flows.kinds.server import OnServer
from compute_service.flows.submit import new_flow, submit
from compute_service.store.database import Tx
from compute_service.store.instances import instance_update, instances_soft_deleted

LOG = logging.getLogger(__name__)


class SoftDeleted:
    """The reconciler of soft-deleted servers."""

    name = "reclaim"
    MOST = 100

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    @property
    def interval(self) -> float:
        """A minute, where servers are kept at all."""
        return 60.0 if self._svc.settings.default.reclaim_instance_interval > 0 else 0.0

    def run(self) -> int:
        """Submit the deletion of what is due in every cell."""
        count = 0
        for cell in self._svc.store.cells(include_disabled=True):
            try:
                count += self._reclaim(cell.uuid)
            except ComputeError as error:
                LOG.warning("cell %s cannot be looked through: %s", cell.uuid, error.message)
        return count

    def _reclaim(self, cell: str) -> int:
        kept = timedelta(seconds=self._svc.settings.default.reclaim_instance_interval)
        database = self._svc.store.database(cell)
        with database.read() as tx:
            due = instances_soft_deleted(tx, self._svc.clock.now() - kept, self.MOST)
        keys: list[FlowKey] = []
        for row in due:
            try:
                with database.write() as tx:
                    keys.append(_delete(tx, row))
            except Stale:
                continue
        ring(self._svc, *keys)
        return len(keys)


def _delete(tx: Tx, row: Instance) -> FlowKey:
    instance_update(tx, row, task_state=TaskState.DELETING)
    params = OnServer(uuid=row.uuid, host=row.host)
    return submit(tx, new_flow("delete", params, instance_uuid=row.uuid, action="delete"))
