"""No restriction."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask


def all_hosts(ask: Ask) -> None:
    """Pass every host."""
