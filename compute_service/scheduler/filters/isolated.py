"""Hosts that are set apart for images."""

from __future__ import annotations

from fnmatch import fnmatchcase

from compute_service.scheduler.ask import Ask, HostView, Test


def isolated_hosts(ask: Ask) -> Test | None:
    """Pass `isolated_hosts` for `isolated_images` only, and other hosts for other images only.

    Without `restrict_isolated_hosts_to_isolated_images` the isolated hosts take any image. Names of hosts may
    be patterns with `*`.
    """
    settings = ask.settings.filter_scheduler
    patterns = settings.isolated_hosts
    apart = ask.request.image is not None and ask.request.image.id in settings.isolated_images
    strict = settings.restrict_isolated_hosts_to_isolated_images
    if not apart and (not strict or not patterns):
        return None

    def test(view: HostView) -> str | None:
        isolated = any(fnmatchcase(view.host.name, pattern) for pattern in patterns)
        if apart:
            return None if isolated else "is not set apart for the image"
        return "is set apart for other images" if isolated else None

    return test
