"""Migrations of all cells, newest first."""

from __future__ import annotations

from heapq import merge
from itertools import islice

from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Invalid
from compute_service.domain.migration import Migration
from compute_service.store.migrations import MigrationQuery, migration_get, migration_page


def list_migrations(ctx: Context, svc: Services, query: MigrationQuery) -> list[Migration]:
    """Return one page of the migrations of all cells that answer. Raises Invalid for an unknown marker."""
    after = None if query.marker is None else _marker(svc, query.marker)
    answers = svc.store.fan_out(lambda tx: migration_page(tx, query, after))
    pages = [page for page in answers.values() if not isinstance(page, ComputeError)]
    newest_first = merge(*pages, key=lambda one: (one.created_at, one.uuid), reverse=True)
    return list(islice(newest_first, query.limit))


def _marker(svc: Services, uuid: str) -> Migration:
    for found in svc.store.fan_out(lambda tx: migration_get(tx, uuid)).values():
        if isinstance(found, Migration):
            return found
    raise Invalid(f"Marker {uuid} could not be found.")
