"""Aggregates that are set apart for flavors."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test


def aggregate_type_affinity(ask: Ask) -> Test | None:
    """Pass hosts whose aggregates name the flavor under `instance_type`, or name none."""
    if "instance_type" not in ask.fleet.keys:
        return None
    name = ask.request.flavor.name

    def test(view: HostView) -> str | None:
        allowed = view.host.words("instance_type")
        return None if not allowed or name in allowed else f"aggregate is not for flavor {name}"

    return test
