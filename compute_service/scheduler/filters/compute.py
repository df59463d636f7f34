"""Hosts whose compute service takes no work."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test


def compute(ask: Ask) -> Test:
    """Pass hosts whose compute service is enabled and up."""
    now = ask.now

    def test(view: HostView) -> str | None:
        host = view.host
        if host.enabled and host.alive_until >= now:
            return None
        return "service is down" if host.enabled else "service is disabled"

    return test
