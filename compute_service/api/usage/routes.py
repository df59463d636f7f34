"""The rows of usage."""

from __future__ import annotations

from compute_service.api.policies import quotas as policy
from compute_service.api.table import Get, Route
from compute_service.api.usage import bodies, handlers, views

_PATH = "/os-simple-tenant-usage"

ROUTES: tuple[Route, ...] = (
    Get(_PATH, handlers.index, policy.USAGE_LIST, query=bodies.UsagesQuery, reply=views.Usages),
    Get(f"{_PATH}/{{id}}", handlers.show, query=bodies.UsageQuery, reply=views.Usage),
)
