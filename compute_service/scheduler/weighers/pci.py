"""PCI devices."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask


def pci(ask: Ask) -> None:
    """Make no difference: requests name no PCI devices yet."""
