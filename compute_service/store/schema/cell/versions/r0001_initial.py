"""The first schema of a cell's database."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, Index, Integer, MetaData, Table, UniqueConstraint

from compute_service.store.schema.shared_r0001 import flow_steps, flows, instances, tags
from compute_service.store.tables.columns import (
    MYSQL,
    big,
    document,
    epoch,
    flag,
    key,
    moment,
    number,
    shadow,
    text,
)

revision = "0001"
down_revision = None
PHASE = "expand"

metadata = MetaData()

for table in (instances, tags, flows, flow_steps):
    shadow(table(metadata))

Table(
    "services",
    metadata,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("host", text(), nullable=False),
    Column("binary", text(64), nullable=False),
    Column("topic", text(64), nullable=False),
    Column("report_count", big(), nullable=False, server_default="0"),
    Column("last_seen_up", moment()),
    flag("disabled"),
    Column("disabled_reason", text()),
    flag("forced_down"),
    number("version"),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    UniqueConstraint("uuid", name="services_uuid"),
    UniqueConstraint("host", "binary", name="services_host_binary"),
    Index("services_binary", "binary"),
    **MYSQL,
)

Table(
    "compute_nodes",
    metadata,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("service_uuid", text(36), nullable=False),
    Column("host", text(), nullable=False),
    Column("hypervisor_hostname", text(), nullable=False),
    Column("host_ip", text(39)),
    flag("mapped"),
    number("running_vms"),
    Column("cpu_allocation_ratio", Double(), nullable=False),
    Column("ram_allocation_ratio", Double(), nullable=False),
    Column("disk_allocation_ratio", Double(), nullable=False),
    Column("facts", document(), nullable=False),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    UniqueConstraint("uuid", name="compute_nodes_uuid"),
    UniqueConstraint("host", "hypervisor_hostname", name="compute_nodes_host_node"),
    Index("compute_nodes_hypervisor", "hypervisor_hostname"),
    Index("compute_nodes_service", "service_uuid"),
    **MYSQL,
)

migrations = Table(
    "migrations",
    metadata,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("instance_uuid", text(36), nullable=False),
    Column("migration_type", text(32), nullable=False),
    Column("status", text(32), nullable=False),
    Column("source_compute", text()),
    Column("dest_compute", text()),
    Column("source_node", text()),
    Column("dest_node", text()),
    Column("dest_host", text()),
    Column("old_flavor_id", Integer()),
    Column("new_flavor_id", Integer()),
    Column("user_id", text()),
    Column("project_id", text()),
    Column("flow_id", text(64)),
    flag("hidden"),
    Column("memory_total", big()),
    Column("memory_processed", big()),
    Column("memory_remaining", big()),
    Column("disk_total", big()),
    Column("disk_processed", big()),
    Column("disk_remaining", big()),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment(), nullable=False),
    UniqueConstraint("uuid", name="migrations_uuid"),
    Index("migrations_instance", "instance_uuid", "status"),
    Index("migrations_source", "source_compute", "status"),
    Index("migrations_dest", "dest_compute", "status"),
    Index("migrations_changes", "updated_at"),
    Index("migrations_created", "created_at", "id"),
    sqlite_autoincrement=True,
    **MYSQL,
)
shadow(migrations)

Table(
    "console_auth_tokens",
    metadata,
    key(),
    Column("token_hash", text(64), nullable=False),
    Column("console_type", text(32), nullable=False),
    Column("host", text(), nullable=False),
    number("port"),
    Column("internal_access_path", text()),
    Column("instance_uuid", text(36), nullable=False),
    epoch("expires"),
    Column("access_url_base", text()),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("token_hash", name="console_auth_tokens_hash"),
    Index("console_auth_tokens_instance", "instance_uuid"),
    Index("console_auth_tokens_expires", "expires"),
    **MYSQL,
)


def upgrade() -> None:
    """Make every table that is not there."""
    metadata.create_all(op.get_bind())
