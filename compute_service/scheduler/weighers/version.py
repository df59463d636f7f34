"""How new the hypervisor is."""

from __future__ import annotations

from operator import attrgetter

from compute_service.scheduler.ask import Ask, Score


def hypervisor_version(ask: Ask) -> Score:
    """Prefer hosts with a newer hypervisor."""
    return attrgetter("host.record.facts.hypervisor_version")
