"""The first schema of the API database."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Index, Integer, MetaData, Table, UniqueConstraint

from compute_service.store.schema.shared_r0001 import flow_steps, flows, instances, tags
from compute_service.store.tables.columns import (
    MYSQL,
    big,
    document,
    flag,
    key,
    moment,
    number,
    text,
)

revision = "0001"
down_revision = None
PHASE = "expand"

metadata = MetaData()

instances(metadata)
tags(metadata)
flows(metadata)
flow_steps(metadata)

Table(
    "cell_mappings",
    metadata,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("name", text()),
    Column("transport_url", document(), nullable=False),
    Column("database_connection", document(), nullable=False),
    flag("disabled"),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    UniqueConstraint("uuid", name="cell_mappings_uuid"),
    **MYSQL,
)

Table(
    "host_mappings",
    metadata,
    key(),
    Column("host", text(), nullable=False),
    Column("cell_id", big(), ForeignKey("cell_mappings.id", name="host_mappings_cell"), nullable=False),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("host", name="host_mappings_host"),
    Index("host_mappings_cell_id", "cell_id"),
    **MYSQL,
)

Table(
    "instance_mappings",
    metadata,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("cell_id", big(), ForeignKey("cell_mappings.id", name="instance_mappings_cell")),
    Column("project_id", text(), nullable=False),
    Column("user_id", text(), nullable=False),
    number("vcpus"),
    number("memory_mb"),
    flag("deleted"),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("uuid", name="instance_mappings_uuid"),
    Index("instance_mappings_usage", "project_id", "deleted", "user_id", "vcpus", "memory_mb"),
    Index("instance_mappings_cell_id", "cell_id", "deleted"),
    **MYSQL,
)

Table(
    "flavors",
    metadata,
    key(),
    Column("flavorid", text(), nullable=False),
    Column("name", text(), nullable=False),
    number("vcpus"),
    number("memory_mb"),
    number("root_gb"),
    number("ephemeral_gb"),
    number("swap_mb"),
    Column("rxtx_factor", Double(), nullable=False, server_default="1"),
    flag("is_public", default=True),
    flag("disabled"),
    Column("description", document()),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    UniqueConstraint("flavorid", name="flavors_flavorid"),
    UniqueConstraint("name", name="flavors_name"),
    **MYSQL,
)

Table(
    "flavor_extra_specs",
    metadata,
    Column(
        "flavor_id",
        big(),
        ForeignKey("flavors.id", name="flavor_extra_specs_flavor", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", text(), primary_key=True),
    Column("value", text(), nullable=False),
    **MYSQL,
)

Table(
    "flavor_projects",
    metadata,
    Column(
        "flavor_id",
        big(),
        ForeignKey("flavors.id", name="flavor_projects_flavor", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("project_id", text(), primary_key=True),
    Index("flavor_projects_project", "project_id"),
    **MYSQL,
)

Table(
    "keypairs",
    metadata,
    key(),
    Column("user_id", text(), nullable=False),
    Column("name", text(), nullable=False),
    Column("type", text(16), nullable=False),
    Column("public_key", document(), nullable=False),
    Column("fingerprint", text(), nullable=False),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("user_id", "name", name="keypairs_user_name"),
    **MYSQL,
)

Table(
    "aggregates",
    metadata,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("name", text(), nullable=False),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    UniqueConstraint("uuid", name="aggregates_uuid"),
    UniqueConstraint("name", name="aggregates_name"),
    **MYSQL,
)

Table(
    "aggregate_hosts",
    metadata,
    Column(
        "aggregate_id",
        big(),
        ForeignKey("aggregates.id", name="aggregate_hosts_aggregate", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("host", text(), primary_key=True),
    Index("aggregate_hosts_host", "host"),
    **MYSQL,
)

Table(
    "aggregate_metadata",
    metadata,
    Column(
        "aggregate_id",
        big(),
        ForeignKey("aggregates.id", name="aggregate_metadata_aggregate", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", text(), primary_key=True),
    Column("value", text(), nullable=False),
    Index("aggregate_metadata_key", "key"),
    **MYSQL,
)

Table(
    "server_groups",
    metadata,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("project_id", text(), nullable=False),
    Column("user_id", text(), nullable=False),
    Column("name", text(), nullable=False),
    Column("policy", text(32), nullable=False),
    Column("rules", document()),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    UniqueConstraint("uuid", name="server_groups_uuid"),
    Index("server_groups_project", "project_id", "user_id"),
    **MYSQL,
)

Table(
    "server_group_members",
    metadata,
    Column(
        "group_id",
        big(),
        ForeignKey("server_groups.id", name="server_group_members_group", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("instance_uuid", text(36), primary_key=True),
    Index("server_group_members_instance", "instance_uuid"),
    **MYSQL,
)

Table(
    "quotas",
    metadata,
    Column("project_id", text(), primary_key=True),
    Column("resource", text(64), primary_key=True),
    Column("hard_limit", Integer(), nullable=False),
    **MYSQL,
)

Table(
    "project_user_quotas",
    metadata,
    Column("project_id", text(), primary_key=True),
    Column("user_id", text(), primary_key=True),
    Column("resource", text(64), primary_key=True),
    Column("hard_limit", Integer(), nullable=False),
    **MYSQL,
)

Table(
    "quota_classes",
    metadata,
    Column("class_name", text(), primary_key=True),
    Column("resource", text(64), primary_key=True),
    Column("hard_limit", Integer(), nullable=False),
    **MYSQL,
)

Table("quota_locks", metadata, Column("project_id", text(), primary_key=True), **MYSQL)


def upgrade() -> None:
    """Make every table that is not there."""
    metadata.create_all(op.get_bind())
