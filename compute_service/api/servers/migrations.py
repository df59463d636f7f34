"""A server's live migrations while they run. Source: Compute API reference, "Server migrations"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.policies import server_parts as policy
from compute_service.api.request import Request
from compute_service.api.shape import View, since
from compute_service.api.times import stamp_or_none
from compute_service.api.versions import change
from compute_service.control import live_migrate as live
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound
from compute_service.domain.migration import Migration
from compute_service.store.migrations import MigrationQuery, migration_get_by_id, migration_page

QUEUED_TOO = change("2.65")
RUNNING = ("queued", "preparing", "running", "post-migrating")
"""The statuses of a live migration that is shown here."""


class MigrationView(View):
    """A live migration. Amounts in bytes."""

    id: int
    server_uuid: str
    status: str
    source_compute: str | None
    source_node: str | None
    dest_compute: str | None
    dest_host: str | None
    dest_node: str | None
    created_at: str | None
    updated_at: str | None
    memory_total_bytes: int | None
    memory_processed_bytes: int | None
    memory_remaining_bytes: int | None
    disk_total_bytes: int | None
    disk_processed_bytes: int | None
    disk_remaining_bytes: int | None
    uuid: Annotated[str | UnsetType, since("2.59")] = UNSET
    user_id: Annotated[str | UnsetType | None, since("2.80")] = UNSET
    project_id: Annotated[str | UnsetType | None, since("2.80")] = UNSET


class MigrationList(View):
    """GET /servers/{server_id}/migrations."""

    migrations: list[MigrationView]


class MigrationShown(View):
    """GET /servers/{server_id}/migrations/{migration_id}."""

    migration: MigrationView


def index(ctx: Context, svc: Services, req: Request) -> MigrationList:
    """List the live migrations of a server that run."""
    query = MigrationQuery(
        instance_uuid=req.server.instance.uuid, migration_type="live-migration", status=RUNNING
    )
    with svc.store.database(req.server.database).read() as tx:
        found = migration_page(tx, query)
    hosts = req.allows(policy.MIGRATIONS_INDEX_HOST)
    return MigrationList(migrations=[_view(migration, hosts) for migration in found])


def show(ctx: Context, svc: Services, req: Request) -> MigrationShown:
    """Show a live migration that runs."""
    uuid, number = req.server.instance.uuid, req.number("migration_id")
    with svc.store.database(req.server.database).read() as tx:
        found = migration_get_by_id(tx, number, uuid)
    if found is None:
        raise NotFound(f"Migration {number} not found for instance {uuid}")
    if found.migration_type != "live-migration":
        raise NotFound(f"Migration {number} for server {uuid} is not live-migration.")
    if found.status not in RUNNING:
        raise NotFound(f"Migration {number} for server {uuid} is not in progress.")
    return MigrationShown(migration=_view(found, hosts=True))


def force_complete(ctx: Context, svc: Services, req: Request) -> None:
    """Let a live migration come to its end."""
    live.force_complete(ctx, svc, req.server, req.number("migration_id"))


def abort(ctx: Context, svc: Services, req: Request) -> None:
    """End a live migration; from 2.65 on also one that waits."""
    live.abort(ctx, svc, req.server, req.number("migration_id"), queued=req.at_least(QUEUED_TOO))


def _view(migration: Migration, hosts: bool) -> MigrationView:
    return MigrationView(
        id=migration.id,
        server_uuid=migration.instance_uuid,
        status=migration.status,
        source_compute=migration.source_compute if hosts else None,
        source_node=migration.source_node if hosts else None,
        dest_compute=migration.dest_compute if hosts else None,
        dest_host=migration.dest_host if hosts else None,
        dest_node=migration.dest_node if hosts else None,
        created_at=stamp_or_none(migration.created_at),
        updated_at=stamp_or_none(migration.updated_at),
        memory_total_bytes=migration.memory_total,
        memory_processed_bytes=migration.memory_processed,
        memory_remaining_bytes=migration.memory_remaining,
        disk_total_bytes=migration.disk_total,
        disk_processed_bytes=migration.disk_processed,
        disk_remaining_bytes=migration.disk_remaining,
        uuid=migration.uuid,
        user_id=migration.user_id,
        project_id=migration.project_id,
    )
