"""Quotas: the resources that are limited and how a limit is resolved."""

from __future__ import annotations

from compute_service.domain.record import Record

UNLIMITED = -1

PROJECT_RESOURCES: tuple[str, ...] = ("instances", "cores", "ram", "server_groups")
"""Counted per project."""
USER_RESOURCES: tuple[str, ...] = ("key_pairs",)
"""Counted per user."""
PER_OBJECT_RESOURCES: tuple[str, ...] = (
    "metadata_items",
    "injected_files",
    "injected_file_content_bytes",
    "injected_file_path_bytes",
    "server_group_members",
)
"""Checked on one request or one group, never summed."""
RETIRED_NETWORK_RESOURCES: tuple[str, ...] = (
    "fixed_ips",
    "floating_ips",
    "security_groups",
    "security_group_rules",
)
"""Shown as unlimited below microversion 2.36 (2.50 for classes); the network service limits these."""
RESOURCES: tuple[str, ...] = PROJECT_RESOURCES + USER_RESOURCES + PER_OBJECT_RESOURCES


class QuotaUsage(Record):
    """What a project has of one resource. `reserved` is always 0: usage is counted, never reserved."""

    limit: int
    in_use: int = 0
    reserved: int = 0


class ServerUsage(Record):
    """What a project's servers take in all."""

    instances: int = 0
    cores: int = 0
    ram: int = 0
