"""The rows of extensions."""

from __future__ import annotations

from compute_service.api.extensions import listing
from compute_service.api.policies import outside as policy
from compute_service.api.table import Get, Route

ROUTES: tuple[Route, ...] = (
    Get("/extensions", listing.index, policy.EXTENSIONS, reply=listing.Extensions),
    Get("/extensions/{alias}", listing.show, policy.EXTENSIONS, reply=listing.ExtensionShown),
)
