"""Brings servers' rows in line with the power states that hosts report.

A server that is being worked on is left alone, and so is one whose state says nothing of power (building,
rescued, resized, suspended, in error). Where the guest went down by itself, the server is stopped; where it
runs although it was stopped, it is stopped again: the row says what its user asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from compute_service.control.bell import ring
from compute_service.control.services import Services
from compute_service.domain.errors import Stale
from compute_service.domain.flow import FlowKey
from compute_service.domain.host import GuestState
from compute_service.domain.instance import Instance
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import OnServer
from compute_service.flows.submit import new_flow, submit
from compute_service.store.database import Tx
from compute_service.store.flows import unfinished_flow_of_instance
from compute_service.store.instances import instance_update, instances_get

LOG = logging.getLogger(__name__)

DOWN = frozenset({PowerState.SHUTDOWN, PowerState.CRASHED})
_STOPS: dict[VmState, frozenset[PowerState]] = {
    VmState.ACTIVE: DOWN | {PowerState.SUSPENDED},
    VmState.PAUSED: DOWN,
    VmState.STOPPED: frozenset({PowerState.RUNNING}),
}
"""Server state → the power states on which it is stopped."""


def must_stop(vm_state: VmState, power: PowerState) -> bool:
    """Tell whether a server in this state whose guest has this power state is to be stopped."""
    return power in _STOPS.get(vm_state, frozenset())


class PowerSync:
    """Takes reports of power states."""

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    def apply(self, cell: str, host: str, reported: Sequence[GuestState]) -> None:
        """Note what a host says of its guests, and stop servers where that follows."""
        states = {guest.uuid: guest.power_state for guest in reported}
        submitted: list[FlowKey] = []
        with self._svc.store.database(cell).write() as tx:
            for uuid, row in instances_get(tx, states).items():
                if row.host != host or row.task_state is not None:
                    continue
                try:
                    submitted += self._one(tx, row, states[uuid])
                except Stale:
                    LOG.debug("server %s changed meanwhile; the next report counts", uuid)
        ring(self._svc, *submitted)

    def _one(self, tx: Tx, row: Instance, power: PowerState) -> list[FlowKey]:
        if not must_stop(row.vm_state, power):
            if row.power_state is not power:
                instance_update(tx, row, power_state=power)
            return []
        if unfinished_flow_of_instance(tx, row.uuid) is not None:
            return []
        LOG.warning("server %s is %s but its guest is %s: stopping it", row.uuid, row.vm_state, power.name)
        instance_update(tx, row, power_state=power, task_state=TaskState.POWERING_OFF)
        params = OnServer(uuid=row.uuid, host=row.host)
        return [submit(tx, new_flow("stop", params, instance_uuid=row.uuid))]
