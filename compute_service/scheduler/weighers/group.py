"""Soft policies of server groups."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Score


def server_group_soft_affinity(ask: Ask) -> Score | None:
    """Prefer hosts with more members of a soft-affinity group."""
    return _members(ask, "soft-affinity", 1.0)


def server_group_soft_anti_affinity(ask: Ask) -> Score | None:
    """Prefer hosts with fewer members of a soft-anti-affinity group."""
    return _members(ask, "soft-anti-affinity", -1.0)


def _members(ask: Ask, policy: str, sign: float) -> Score | None:
    if ask.request.group is None or ask.request.group.policy != policy:
        return None
    members = ask.members

    def score(view: HostView) -> float:
        return sign * members[view.host.name]

    return score
