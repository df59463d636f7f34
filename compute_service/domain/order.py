"""What a user ordered, checked for form by the API and not yet for sense."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

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


class EvacuationOrder(Record):
    """One evacuate action."""

    host: str | None = None
    force: bool = False
    """`host` is not checked by the scheduler's filters."""
    admin_password: str | None = None
    ends_stopped: bool = False
    """The server is left stopped, whatever it was."""


class LiveMigrationOrder(Record):
    """One live migration."""

    host: str | None = None
    force: bool = False
    """`host` is not checked by the scheduler's filters."""
    block: bool | None = None
    """Whether disks are copied too; None: found out."""
    over_commit: bool = False
    """The target may lack room for the full sizes of the disks."""


class UnshelveOrder(Record):
    """One unshelve action; anything said of a place is for a server that is on no host."""

    zone: str | UnsetType | None = UNSET
    """The availability zone that it is pinned to from now on; None unpins it, unset leaves that as it is."""
    host: str | None = None


class BackupOrder(Record):
    """One createBackup action. `rotation` is how many backups of its type the server keeps; 0: none."""

    name: str
    backup_type: str
    rotation: int
    metadata: dict[str, str] = {}
    count_metadata: bool = False
    """Whether the quota of metadata items holds (below microversion 2.39)."""
