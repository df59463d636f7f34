"""Moves between cells."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Score


def cross_cell(ask: Ask) -> Score | None:
    """Prefer the cell that a server is moved from."""
    if ask.request.current_host is None:
        return None
    home = {host.cell for host in ask.fleet.find(ask.request.current_host, None)}

    def score(view: HostView) -> float:
        return 1.0 if view.host.cell in home else -1.0

    return score
