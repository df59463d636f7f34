"""Ends moves that nobody can confirm or revert any more.

A moved server waits for a word from its user. When an admin says meanwhile that it is something else, and it
lives on as that, the word can never come: what its old host keeps, and what the way back holds, may go, as
soon as that host, if it is still one of ours, is up.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from compute_service.control.bell import ring
from compute_service.control.liveness import COMPUTE, is_up
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import FlowKey
from compute_service.domain.migration import Migration
from compute_service.domain.states import VmState
from compute_service.flows.kinds.confirm_resize import SettleParams
from compute_service.flows.submit import new_flow, submit
from compute_service.store.database import Tx
from compute_service.store.flows import unfinished_flow_of_instance
from compute_service.store.instances import instance_get
from compute_service.store.migrations import MigrationQuery, migration_page, migration_update
from compute_service.store.services import service_find

LOG = logging.getLogger(__name__)

_NOT_YET = frozenset({VmState.RESIZED, VmState.ERROR, VmState.SOFT_DELETED})
"""States of a server that may still go back, or whose deletion will see to its move."""


class AbandonedMoves:
    """The reconciler of moves whose server is not waiting for a word."""

    name = "abandoned moves"
    interval = 300.0
    PATIENCE = timedelta(minutes=5)
    MOST = 100

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    def run(self) -> int:
        """Look through every cell."""
        before = self._svc.clock.now() - self.PATIENCE
        query = MigrationQuery(status="finished", hidden=None, changes_before=before, limit=self.MOST)
        count = 0
        for cell, moves in self._svc.store.fan_out(lambda tx: migration_page(tx, query)).items():
            if isinstance(moves, ComputeError):
                LOG.warning("cell %s cannot be looked through: %s", cell, moves.message)
                continue
            try:
                count += sum(self._end(cell, move) for move in moves)
            except ComputeError as error:
                LOG.warning("moves of cell %s are not ended: %s", cell, error.message)
        return count

    def _end(self, cell: str, move: Migration) -> bool:
        """Confirm a move in the name of nobody, unless its server still waits or is being worked on."""
        with self._svc.store.database(cell).write() as tx:
            row = instance_get(tx, move.instance_uuid, lock=True)
            if row is None or row.vm_state in _NOT_YET or row.task_state is not None:
                return False
            if self._is_down(tx, move.source_compute):
                return False
            if unfinished_flow_of_instance(tx, row.uuid) is not None:
                return False
            if migration_update(tx, move.uuid, ("finished",), status="confirming") is None:
                return False
            params = SettleParams(
                uuid=row.uuid, host=move.source_compute, migration=move.uuid, flavor=row.flavor
            )
            flow = new_flow("confirm_resize", params, instance_uuid=row.uuid)
            submit(tx, flow)
        LOG.warning("server %s is %s: the end of its move is not waited for", row.uuid, row.vm_state)
        ring(self._svc, FlowKey(database=cell, flow_id=flow.id))
        return True

    def _is_down(self, tx: Tx, host: str | None) -> bool:
        """Tell whether a host that is known is down."""
        service = None if host is None else service_find(tx, host, COMPUTE)
        patience = self._svc.settings.default.service_down_time
        return service is not None and not is_up(service, self._svc.clock.now(), patience)
