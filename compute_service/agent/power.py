"""Power states that changed without our doing: told by the driver, and found by looking now and then."""

from __future__ import annotations

import threading

from compute_service.agent.lanes import Lanes
from compute_service.domain.errors import NotFound
from compute_service.domain.host import GuestState
from compute_service.ports.hypervisor import Hypervisor, TellsChanges


class PowerWatch:
    """The power states of one host that the conductor has still to be told.

    A guest being worked on is left out: its state is in flux, and the work's answer carries where it ended.
    """

    def __init__(self, driver: Hypervisor, lanes: Lanes, listen: bool = True) -> None:
        self._driver = driver
        self._lanes = lanes
        self._lock = threading.Lock()
        self._look_at: set[str] = set()
        if listen and isinstance(driver, TellsChanges):
            driver.on_change(self.changed)

    def changed(self, uuid: str) -> None:
        """Look at a guest when the next report is made. May be called from any thread of the driver's."""
        with self._lock:
            self._look_at.add(uuid)

    def scan(self) -> None:
        """Look at every guest when the next report is made, so that whatever was missed is made good."""
        states = self._driver.guests()
        with self._lock:
            self._look_at.update(state.uuid for state in states)

    def take(self) -> tuple[GuestState, ...]:
        """Return the states to report now. What was not sent in the end is to be given to `changed` again."""
        with self._lock:
            due = sorted(uuid for uuid in self._look_at if not self._lanes.busy(uuid))
            self._look_at.difference_update(due)
        found = []
        for uuid in due:
            try:
                found.append(GuestState(uuid=uuid, power_state=self._driver.state(uuid)))
            except NotFound:
                continue
        return tuple(found)
