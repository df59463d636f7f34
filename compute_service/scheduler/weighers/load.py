"""What is on a host and what it is doing."""

from __future__ import annotations

from operator import attrgetter

from compute_service.scheduler.ask import Ask, HostView, Score


def num_instances(ask: Ask) -> Score:
    """Prefer hosts with more servers; a multiplier below 0 prefers those with fewer."""
    return attrgetter("instances")


def io_ops(ask: Ask) -> Score:
    """Score hosts by the servers being built, moved or copied there; the default multiplier avoids them."""
    return attrgetter("busy")


def build_failure(ask: Ask) -> Score:
    """Score hosts by the builds that failed there since one succeeded; they are avoided."""

    def score(view: HostView) -> float:
        return float(view.host.record.facts.stats.get("failed_builds", 0))

    return score
