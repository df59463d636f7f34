"""Takes shelved servers from their hosts once they were there for `shelved_offload_time` seconds."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import uuid4

from compute_service.control.services import Services
from compute_service.control.shelve import shelve_offload
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.flows.kinds.shelved import shelved_at
from compute_service.store.instances import InstanceQuery, instance_page
from compute_service.store.servers import Located

LOG = logging.getLogger(__name__)


class ShelvedServers:
    """The reconciler of shelved servers, those too whose offload failed."""

    name = "shelved servers"
    MOST = 100
    LOOKED_AT = 1000
    """Of each cell, those that nobody touched for longest."""

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    @property
    def interval(self) -> float:
        """As configured, where servers leave their hosts at all."""
        default = self._svc.settings.default
        return float(default.shelved_poll_interval) if default.shelved_offload_time >= 0 else 0.0

    def run(self) -> int:
        """Begin the offload of what is due in every cell."""
        query = InstanceQuery(
            filters={"vm_state": VmState.SHELVED.value},
            sort_keys=("updated_at",),
            sort_dirs=("asc",),
            limit=self.LOOKED_AT,
        )
        count = 0
        for name, rows in self._svc.store.fan_out(lambda tx: instance_page(tx, query)).items():
            if isinstance(rows, ComputeError):
                LOG.warning("cell %s cannot be looked through: %s", name, rows.message)
            else:
                due = [row for row in rows if self._is_due(row)]
                count += sum(self._offload(Located(database=name, instance=row)) for row in due[: self.MOST])
        return count

    def _is_due(self, row: Instance) -> bool:
        since = shelved_at(row)
        stay = timedelta(seconds=self._svc.settings.default.shelved_offload_time)
        return row.task_state is None and since is not None and since + stay <= self._svc.clock.now()

    def _offload(self, server: Located) -> bool:
        row = server.instance
        ctx = Context(
            request_id=f"req-{uuid4()}", user_id=row.user_id, project_id=row.project_id, is_admin=True
        )
        try:
            shelve_offload(ctx, self._svc, server)
        except ComputeError as error:
            LOG.warning("server %s stays on its host: %s", row.uuid, error.message)
            return False
        return True
