"""Where cells, hosts and servers are (API database)."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from compute_service.store.tables.columns import API, MYSQL, big, document, flag, key, moment, number, text

cell_mappings = Table(
    "cell_mappings",
    API,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("name", text()),
    Column("transport_url", document(), nullable=False),
    Column("database_connection", document(), nullable=False),
    flag("disabled"),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    number("hosts_generation"),
    UniqueConstraint("uuid", name="cell_mappings_uuid"),
    **MYSQL,
)

host_mappings = Table(
    "host_mappings",
    API,
    key(),
    Column("host", text(), nullable=False),
    Column("cell_id", big(), ForeignKey("cell_mappings.id", name="host_mappings_cell"), nullable=False),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("host", name="host_mappings_host"),
    Index("host_mappings_cell_id", "cell_id"),
    **MYSQL,
)

instance_mappings = Table(
    "instance_mappings",
    API,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("cell_id", big(), ForeignKey("cell_mappings.id", name="instance_mappings_cell")),
    Column("project_id", text(), nullable=False),
    Column("user_id", text(), nullable=False),
    number("vcpus"),
    number("memory_mb"),
    flag("deleted"),
    Column("created_at", moment(), nullable=False),
    Column("flavor", document()),
    Column("image_ref", text()),
    Column("pinned_availability_zone", text()),
    UniqueConstraint("uuid", name="instance_mappings_uuid"),
    Index("instance_mappings_usage", "project_id", "deleted", "user_id", "vcpus", "memory_mb"),
    Index("instance_mappings_cell_id", "cell_id", "deleted"),
    **MYSQL,
)
