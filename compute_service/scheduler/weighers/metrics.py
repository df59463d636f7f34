"""Figures that hosts report."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Score
from compute_service.scheduler.reasons import Unplaceable
from compute_service.scheduler.setting import weights_of


def metrics(ask: Ask) -> Score | None:
    """Prefer hosts by the figures that they report, as `[metrics]weight_setting` weighs them."""
    settings = ask.settings.metrics
    weights = weights_of(settings.weight_setting)
    if not weights:
        return None

    def score(view: HostView) -> float:
        reported = view.host.record.facts.metrics
        total = 0.0
        for name, weight in weights:
            if name in reported:
                total += weight * reported[name]
            elif settings.required:
                raise Unplaceable(
                    f"Host {view.host.name} does not report the metric {name}, which [metrics]weight_setting "
                    "needs: enable MetricsFilter, or set [metrics]required to false."
                )
            elif weight:
                return settings.weight_of_unavailable
        return total

    return score
