"""Which images the servers on a host were made of."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Score
from compute_service.scheduler.setting import weights_of


def image_properties(ask: Ask) -> Score | None:
    """Prefer hosts whose servers have the image's properties, counted by `image_props_weight_setting`."""
    if ask.request.image is None or not ask.request.image.properties:
        return None
    setting = dict(weights_of(ask.settings.filter_scheduler.image_props_weight_setting))
    wanted = {
        (key, str(value)): setting.get(key, 0.0) if setting else 1.0
        for key, value in ask.request.image.properties.items()
    }
    counts = ask.image_properties()

    def score(view: HostView) -> float:
        here = counts.get(view.host.name, {})
        return sum(weight * here.get(one, 0) for one, weight in wanted.items())

    return score
