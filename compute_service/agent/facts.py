"""What a host tells of itself: the driver's facts with the agent's own figures."""

from __future__ import annotations

from collections.abc import Callable

from compute_service.domain.host import HostFacts
from compute_service.ports.hypervisor import Hypervisor

Figures = Callable[[], dict[str, int]]
"""Gives `failed_builds`, `io_workload` and `running_vms` (guests of ours, whatever their power)."""


class FactsSource:
    """Reads the facts of one host."""

    def __init__(self, driver: Hypervisor, figures: Figures) -> None:
        self._driver = driver
        self._figures = figures

    def read(self) -> HostFacts:
        """Return the facts as they are now."""
        facts = self._driver.facts()
        return facts.replace(stats={**facts.stats, **self._figures()})


def lasting(facts: HostFacts) -> HostFacts:
    """Return what changes rarely: the host and its size, without what is used of it."""
    return facts.replace(
        vcpus_used=0,
        memory_mb_used=0,
        local_gb_used=0,
        disk_available_least=None,
        uptime=None,
        metrics={},
        stats={},
    )


def telling(facts: HostFacts) -> HostFacts:
    """Return what is worth a report when it changes: all but the text of uptime(1), which always does."""
    return facts.replace(uptime=None)
