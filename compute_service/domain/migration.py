"""Migrations as the API shows them: a view of the flows of the moving kinds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from compute_service.domain.record import Record

MigrationType = Literal["migration", "resize", "live-migration", "evacuation"]


class Migration(Record):
    """A move of one server between hosts (or sizes on one host)."""

    id: int = 0
    uuid: str
    instance_uuid: str
    migration_type: MigrationType
    status: str
    source_compute: str | None = None
    dest_compute: str | None = None
    source_node: str | None = None
    dest_node: str | None = None
    dest_host: str | None = None
    old_flavor_id: int | None = None
    new_flavor_id: int | None = None
    user_id: str | None = None
    project_id: str | None = None
    flow_id: str | None = None
    cell: str | None = None
    created_at: datetime
    updated_at: datetime | None = None
    hidden: bool = False
    memory_total: int | None = None
    memory_processed: int | None = None
    memory_remaining: int | None = None
    disk_total: int | None = None
    disk_processed: int | None = None
    disk_remaining: int | None = None
