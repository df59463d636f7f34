"""What a user ordered, checked for form by the API and not yet for sense."""

from __future__ import annotations

from typing import Any

from compute_service.domain.block_device import BlockDevice
from compute_service.domain.record import Record
from compute_service.domain.vif import RequestedNetworks


class ServerOrder(Record):
    """One POST /servers: `min_count` to `max_count` equal servers."""

    name: str
    flavor_ref: str
    image_ref: str = ""
    min_count: int = 1
    max_count: int = 1
    description: str | None = None
    hostname: str | None = None
    networks: RequestedNetworks = RequestedNetworks()
    security_groups: tuple[str, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    metadata: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    key_name: str | None = None
    user_data: str | None = None
    config_drive: bool = False
    admin_password: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    disk_config: str | None = None
    availability_zone: str | None = None
    """As given: may be `zone:host:node`."""
    host: str | None = None
    hypervisor_hostname: str | None = None
    hints: dict[str, Any] = {}
    injected_files: tuple[tuple[str, str], ...] = ()
    trusted_certs: tuple[str, ...] | None = None


class RebuildOrder(Record):
    """One rebuild action. A field of `changes` is changed to its value, None included; others stay.

    Keys of `changes`: display_name, display_description, metadata, key_name, user_data, hostname,
    trusted_certs, access_ip_v4, access_ip_v6, disk_config, injected_files.
    """

    image_ref: str
    admin_password: str | None = None
    preserve_ephemeral: bool = False
    changes: dict[str, Any] = {}
