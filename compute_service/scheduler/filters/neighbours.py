"""Hints that name other servers."""

from __future__ import annotations

from compute_service.domain.request import PlacementRequest
from compute_service.scheduler.ask import Ask, HostView, Test


def named_servers(request: PlacementRequest, hint: str) -> tuple[str, ...]:
    """Return the servers that a hint names; it may be given as one UUID or as a list."""
    given = request.hints.get(hint)
    if not given:
        return ()
    return tuple(map(str, given)) if isinstance(given, list | tuple) else (str(given),)


def same_host(ask: Ask) -> Test | None:
    """Pass the hosts of the servers that the hint `same_host` names."""
    servers = named_servers(ask.request, "same_host")
    if not servers:
        return None
    hosts = {ask.held[server] for server in servers if server in ask.held}

    def test(view: HostView) -> str | None:
        return None if view.host.name in hosts else "has none of the servers of the hint same_host"

    return test


def different_host(ask: Ask) -> Test | None:
    """Pass hosts that have none of the servers that the hint `different_host` names."""
    servers = named_servers(ask.request, "different_host")
    hosts = {ask.held[server] for server in servers if server in ask.held}
    if not hosts:
        return None

    def test(view: HostView) -> str | None:
        return "has a server of the hint different_host" if view.host.name in hosts else None

    return test
