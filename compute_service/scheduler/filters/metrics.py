"""Hosts that do not report what they are to be weighed by."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test
from compute_service.scheduler.setting import weights_of


def metrics(ask: Ask) -> Test | None:
    """Pass hosts that report every metric of `[metrics]weight_setting`."""
    names = [name for name, _ in weights_of(ask.settings.metrics.weight_setting)]
    if not names:
        return None

    def test(view: HostView) -> str | None:
        reported = view.host.record.facts.metrics
        missing = [name for name in names if name not in reported]
        return f"does not report {', '.join(missing)}" if missing else None

    return test
