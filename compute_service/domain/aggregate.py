"""Host aggregates; an aggregate whose metadata has `availability_zone` is an availability zone."""

from __future__ import annotations

from datetime import datetime

from compute_service.domain.record import Record


class Aggregate(Record):
    """A named set of hosts with metadata."""

    id: int = 0
    uuid: str
    name: str
    metadata: dict[str, str] = {}
    hosts: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def availability_zone(self) -> str | None:
        """The availability zone this aggregate makes of its hosts, if any."""
        return self.metadata.get("availability_zone")
