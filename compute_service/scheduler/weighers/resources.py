"""What is free on a host."""

from __future__ import annotations

from operator import attrgetter

from compute_service.scheduler.ask import Ask, Score


def ram(ask: Ask) -> Score:
    """Prefer hosts with more free memory."""
    return attrgetter("memory_mb")


def cpu(ask: Ask) -> Score:
    """Prefer hosts with more free CPUs."""
    return attrgetter("vcpus")


def disk(ask: Ask) -> Score:
    """Prefer hosts with more free disk."""
    return attrgetter("disk_gb")
