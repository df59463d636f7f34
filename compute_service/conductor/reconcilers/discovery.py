"""Maps hosts that registered to their cell, where the site wants that done by itself."""

from __future__ import annotations

from compute_service.control.discovery import discover_hosts
from compute_service.control.services import Services


class NewHosts:
    """The reconciler of host mappings; off unless [scheduler] discover_hosts_in_cells_interval is set."""

    name = "new hosts"

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return float(self._svc.settings.scheduler.discover_hosts_in_cells_interval)

    def run(self) -> int:
        """Map what is new in every cell."""
        return sum(len(discover_hosts(self._svc.store, cell.uuid)) for cell in self._svc.store.cells(True))
