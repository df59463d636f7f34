"""Starting guests again after the host itself was restarted, where the configuration wants that."""

from __future__ import annotations

import logging

from compute_service.domain.errors import ComputeError
from compute_service.domain.protocol import Conductor
from compute_service.domain.states import PowerState, VmState
from compute_service.ports.hypervisor import Hypervisor, Revives

LOG = logging.getLogger(__name__)

DOWN = frozenset({PowerState.SHUTDOWN, PowerState.CRASHED, PowerState.NOSTATE})


def revive_guests(host: str, driver: Hypervisor, conductor: Conductor) -> list[str]:
    """Start the guests of active, idle servers that are down; return their UUIDs.

    Runs before the first report of power states, which would otherwise have these servers stopped. A guest
    that does not start is logged and left to that report. Raises what the conductor raises.
    """
    if not isinstance(driver, Revives):
        LOG.warning("Guests of host %s are not started again: this hypervisor cannot do that", host)
        return []
    down = {guest.uuid for guest in driver.guests() if guest.power_state in DOWN}
    if not down:
        return []
    revived = []
    for server in conductor.servers_on_host(host):
        if server.uuid in down and server.vm_state == VmState.ACTIVE and server.task_state is None:
            try:
                driver.revive(server.uuid)
            except ComputeError as error:
                LOG.warning("Guest %s was not started again: %s", server.uuid, error.message)
            else:
                LOG.info("Started guest %s again", server.uuid)
                revived.append(server.uuid)
    return revived
