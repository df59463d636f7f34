"""Aggregates that are set apart for projects."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test

TENANT_KEY = "filter_tenant_id"
"""The beginning of the metadata keys that name projects."""


def aggregate_multi_tenancy_isolation(ask: Ask) -> Test | None:
    """Pass hosts that no aggregate sets apart, or one sets apart for this project (`filter_tenant_id*`)."""
    keys = [key for key in ask.fleet.keys if key.startswith(TENANT_KEY)]
    if not keys:
        return None
    project = ask.request.project_id

    def test(view: HostView) -> str | None:
        allowed = {word for key in keys for word in view.host.words(key)}
        return None if not allowed or project in allowed else "aggregate is for other projects"

    return test
