"""Hosts that are busy building, moving and copying servers."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test


def io_ops(ask: Ask) -> Test:
    """Pass hosts on which fewer servers than `max_io_ops_per_host` are being built, moved or copied."""
    most = ask.settings.filter_scheduler.max_io_ops_per_host

    def test(view: HostView) -> str | None:
        return None if view.busy < most else f"{most} or more servers are being built or moved"

    return test


def aggregate_io_ops(ask: Ask) -> Test:
    """As IoOpsFilter, with `max_io_ops_per_host` of the host's aggregates (the lowest) before the option."""
    default = ask.settings.filter_scheduler.max_io_ops_per_host

    def test(view: HostView) -> str | None:
        most = int(min(view.host.numbers("max_io_ops_per_host"), default=default))
        return None if view.busy < most else f"{most} or more servers are being built or moved"

    return test
