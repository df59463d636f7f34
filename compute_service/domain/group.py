"""Server groups and their placement policy."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from compute_service.domain.record import Record

GroupPolicy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


class ServerGroup(Record):
    """Servers placed with regard to each other. `rules` may hold `max_server_per_host` (anti-affinity)."""

    id: int = 0
    uuid: str
    project_id: str
    user_id: str
    name: str
    policy: GroupPolicy
    rules: dict[str, int] = {}
    members: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
