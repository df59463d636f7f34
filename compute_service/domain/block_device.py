"""Block devices of a server: local disks today; volumes take their place in the same record."""

from __future__ import annotations

from typing import Literal

from compute_service.domain.record import Record


class BlockDevice(Record):
    """One disk of a server. `size_gb` is 0 when the source decides."""

    uuid: str
    source_type: Literal["image", "blank", "volume", "snapshot"]
    destination_type: Literal["local", "volume"]
    boot_index: int | None = None
    image_id: str | None = None
    volume_id: str | None = None
    snapshot_id: str | None = None
    attachment_id: str | None = None
    size_gb: int = 0
    guest_format: str | None = None
    device_name: str | None = None
    disk_bus: str | None = None
    device_type: str | None = None
    delete_on_termination: bool = True
    volume_type: str | None = None
    tag: str | None = None
