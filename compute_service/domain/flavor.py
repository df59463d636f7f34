"""Flavors: the sizes servers come in."""

from __future__ import annotations

from datetime import datetime

from compute_service.domain.record import Record


class Flavor(Record):
    """A size a server can have. `swap_mb` and `ephemeral_gb` are extra disks beside the root disk."""

    id: int = 0
    flavorid: str
    name: str
    vcpus: int
    memory_mb: int
    root_gb: int
    ephemeral_gb: int = 0
    swap_mb: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    disabled: bool = False
    description: str | None = None
    extra_specs: dict[str, str] = {}
    projects: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def disk_gb(self) -> int:
        """The DISK_GB a server of this flavor takes on a host when its root disk is local."""
        return self.root_gb + self.ephemeral_gb + (self.swap_mb + 1023) // 1024
