"""The rows of availability zones."""

from __future__ import annotations

from compute_service.api.policies import zones as policy
from compute_service.api.table import Get, Route
from compute_service.api.zones import handlers

ROUTES: tuple[Route, ...] = (
    Get("/os-availability-zone", handlers.index, policy.LIST, reply=handlers.ZoneList),
    Get("/os-availability-zone/detail", handlers.detail, policy.DETAIL, reply=handlers.ZoneList),
)
