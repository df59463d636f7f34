"""Images as the image service describes them, reduced to what building a server needs."""

from __future__ import annotations

from datetime import datetime

from compute_service.domain.record import Record


class Image(Record):
    """An image's record. `properties` holds every extra property as text; `size` is in bytes."""

    id: str
    name: str = ""
    status: str = "active"
    size: int = 0
    min_disk_gb: int = 0
    min_ram_mb: int = 0
    disk_format: str = "qcow2"
    container_format: str = "bare"
    checksum: str | None = None
    hash_algo: str | None = None
    hash_value: str | None = None
    owner: str | None = None
    visibility: str = "public"
    protected: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    properties: dict[str, str] = {}
