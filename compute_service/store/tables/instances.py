"""Servers and their tags: the same two tables in the API database and in every cell.

Indexes, by what they serve: lists of a project and of all projects newest first, lists by change time, the
servers of a host, and a reservation's servers; in a cell also lists by name, those of one state, and what ran
in a period. `deleted` is 0 while a server lives and its `id` afterwards.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, UniqueConstraint

from compute_service.store.tables.columns import (
    API,
    CELL,
    MYSQL,
    big,
    document,
    flag,
    key,
    moment,
    number,
    shadow,
    text,
)


def _columns() -> list[Column[Any]]:
    return [
        key(),
        Column("uuid", text(36), nullable=False),
        Column("generation", big(), nullable=False, server_default="0"),
        Column("deleted", big(), nullable=False, server_default="0"),
        Column("created_at", moment(), nullable=False),
        Column("updated_at", moment(), nullable=False),
        Column("deleted_at", moment()),
        Column("launched_at", moment()),
        Column("terminated_at", moment()),
        Column("project_id", text(), nullable=False),
        Column("user_id", text(), nullable=False),
        Column("reservation_id", text(64), nullable=False),
        Column("display_name", text(), nullable=False),
        Column("display_description", text()),
        Column("hostname", text(), nullable=False),
        Column("vm_state", text(32), nullable=False),
        Column("task_state", text(64)),
        number("power_state"),
        number("progress"),
        Column("host", text()),
        Column("node", text()),
        number("launch_index"),
        Column("availability_zone", text()),
        Column("pinned_availability_zone", text()),
        Column("image_ref", text(), nullable=False, server_default=""),
        Column("kernel_id", text(), nullable=False, server_default=""),
        Column("ramdisk_id", text(), nullable=False, server_default=""),
        Column("root_device_name", text()),
        Column("key_name", text()),
        Column("user_data", document()),
        flag("config_drive"),
        flag("auto_disk_config"),
        Column("access_ip_v4", text(39)),
        Column("access_ip_v6", text(39)),
        flag("locked"),
        Column("locked_by", text(16)),
        Column("locked_reason", text()),
        Column("group_uuid", text(36)),
        Column("flavorid", text(), nullable=False),
        Column("addresses_v4", document()),
        Column("addresses_v6", document()),
        Column("flavor", document(), nullable=False),
        Column("image_properties", document()),
        Column("metadata", document()),
        Column("security_groups", document()),
        Column("requested_networks", document()),
        Column("vifs", document()),
        Column("block_devices", document()),
        Column("scheduler_hints", document()),
        Column("trusted_certs", document()),
        Column("injected_files", document()),
        Column("keypair", document()),
        Column("fault", document()),
        Column("system_metadata", document()),
    ]


def _many() -> tuple[Index, ...]:
    """What only a cell's table needs, for only there very many servers are."""
    return (
        Index("instances_project_name", "project_id", "deleted", "display_name", "uuid"),
        Index("instances_name", "deleted", "display_name", "uuid"),
        Index("instances_state", "deleted", "vm_state", "created_at", "uuid"),
        Index("instances_project_launched", "project_id", "launched_at", "uuid"),
        Index("instances_launched", "launched_at", "uuid"),
    )


def _instances(metadata: MetaData, *more: Index) -> Table:
    return Table(
        "instances",
        metadata,
        *_columns(),
        UniqueConstraint("uuid", name="instances_uuid"),
        Index("instances_project", "project_id", "deleted", "created_at", "uuid"),
        Index("instances_all", "deleted", "created_at", "uuid"),
        Index("instances_project_changes", "project_id", "updated_at"),
        Index("instances_changes", "updated_at"),
        Index("instances_host", "host", "deleted", "created_at", "uuid"),
        Index("instances_reservation", "reservation_id"),
        Index("instances_deleted_at", "deleted_at"),
        *more,
        sqlite_autoincrement=True,
        **MYSQL,
    )


def _tags(metadata: MetaData) -> Table:
    return Table(
        "tags",
        metadata,
        Column("instance_uuid", text(36), primary_key=True),
        Column("tag", text(60), primary_key=True),
        Index("tags_tag", "tag", "instance_uuid"),
        **MYSQL,
    )


instances = _instances(CELL, *_many())
tags = _tags(CELL)
_instances(API)
_tags(API)
shadow_instances = shadow(instances)
shadow_tags = shadow(tags)
