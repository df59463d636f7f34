"""Hosts that are full by number."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test


def num_instances(ask: Ask) -> Test:
    """Pass hosts with fewer servers than `max_instances_per_host`."""
    most = ask.settings.filter_scheduler.max_instances_per_host

    def test(view: HostView) -> str | None:
        return None if view.instances < most else f"has {most} or more servers"

    return test


def aggregate_num_instances(ask: Ask) -> Test:
    """As NumInstancesFilter, with `max_instances_per_host` of the host's aggregates (the lowest) first."""
    default = ask.settings.filter_scheduler.max_instances_per_host

    def test(view: HostView) -> str | None:
        most = int(min(view.host.numbers("max_instances_per_host"), default=default))
        return None if view.instances < most else f"has {most} or more servers"

    return test
