"""Hard policies of server groups."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test


def server_group_anti_affinity(ask: Ask) -> Test | None:
    """Pass hosts with fewer members of an anti-affinity group than its `max_server_per_host` (1)."""
    group = ask.request.group
    if group is None or group.policy != "anti-affinity":
        return None
    most = group.rules.get("max_server_per_host", 1)
    members = ask.members

    def test(view: HostView) -> str | None:
        if members[view.host.name] < most:
            return None
        return "has a member of the group" if most == 1 else f"has {most} members of the group"

    return test


def server_group_affinity(ask: Ask) -> Test | None:
    """Pass hosts that have members of an affinity group, once it has any."""
    group = ask.request.group
    if group is None or group.policy != "affinity":
        return None
    members = ask.members

    def test(view: HostView) -> str | None:
        if members[view.host.name] or not any(members.values()):
            return None
        return "has no member of the group"

    return test
