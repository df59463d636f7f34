"""The row of migrations."""

from __future__ import annotations

from compute_service.api.migrations import handlers
from compute_service.api.policies import migrations as policy
from compute_service.api.table import Get, Route

ROUTES: tuple[Route, ...] = (
    Get(
        "/os-migrations",
        handlers.index,
        policy.INDEX,
        query=handlers.MigrationQuery,
        reply=handlers.MigrationList,
    ),
)
