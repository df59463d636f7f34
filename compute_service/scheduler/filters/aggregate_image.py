"""Aggregates that tell which images they take."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test


def aggregate_image_properties_isolation(ask: Ask) -> Test | None:
    """Pass hosts whose aggregates' metadata does not contradict the image's property of the same name.

    A property that the image lacks contradicts nothing; several values are separated by commas.
    """
    if ask.request.image is None:
        return None
    settings = ask.settings.filter_scheduler
    prefix = settings.aggregate_image_properties_isolation_namespace
    prefix = prefix + settings.aggregate_image_properties_isolation_separator if prefix else ""
    present = {
        key: str(value)
        for key, value in ask.request.image.properties.items()
        if key.startswith(prefix) and key in ask.fleet.keys
    }
    if not present:
        return None

    def test(view: HostView) -> str | None:
        for key, value in present.items():
            allowed = view.host.words(key)
            if allowed and value not in allowed:
                return f"aggregate does not take images with {key}={value}"
        return None

    return test
