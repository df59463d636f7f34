"""The tables that both databases have, as they were in the first revision. Frozen."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, UniqueConstraint

from compute_service.store.tables.columns import MYSQL, big, document, epoch, flag, key, moment, number, text


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


def instances(metadata: MetaData) -> Table:
    """Servers."""
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
        sqlite_autoincrement=True,
        **MYSQL,
    )


def tags(metadata: MetaData) -> Table:
    """Servers' tags."""
    return Table(
        "tags",
        metadata,
        Column("instance_uuid", text(36), primary_key=True),
        Column("tag", text(60), primary_key=True),
        Index("tags_tag", "tag", "instance_uuid"),
        **MYSQL,
    )


def flows(metadata: MetaData) -> Table:
    """Durable work."""
    return Table(
        "flows",
        metadata,
        Column("id", text(64), primary_key=True),
        Column("kind", text(64), nullable=False),
        Column("state", text(16), nullable=False),
        Column("params", document(), nullable=False),
        Column("instance_uuid", text(36)),
        Column("action", text(64)),
        Column("after", text(64)),
        Column("cancel", document()),
        Column("signals", document()),
        epoch("lease"),
        Column("owner", text()),
        epoch("wake_at"),
        Column("request_id", text()),
        Column("user_id", text()),
        Column("project_id", text()),
        Column("started_at", moment(), nullable=False),
        Column("updated_at", moment(), nullable=False),
        Column("finished_at", moment()),
        Column("error", document()),
        Index("flows_due", "state", "wake_at"),
        Index("flows_instance", "instance_uuid", "started_at"),
        Index("flows_after", "after"),
        Index("flows_finished", "finished_at"),
        Index("flows_started", "started_at"),
        **MYSQL,
    )


def flow_steps(metadata: MetaData) -> Table:
    """Steps of durable work."""
    return Table(
        "flow_steps",
        metadata,
        Column("flow_id", text(64), primary_key=True),
        Column("seq", number("seq").type, primary_key=True, autoincrement=False),
        Column("phase", text(8), primary_key=True),
        Column("name", text(64), nullable=False),
        Column("event", text(64)),
        Column("state", text(16), nullable=False),
        number("attempt"),
        Column("host", text()),
        Column("output", document()),
        Column("error", document()),
        epoch("deadline", nullable=True),
        epoch("sent_at", nullable=True),
        Column("started_at", moment(), nullable=False),
        Column("finished_at", moment()),
        **MYSQL,
    )
