"""What users choose from and are limited by (API database): flavors, keys, aggregates, groups, quotas."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, UniqueConstraint

from compute_service.store.tables.columns import API, MYSQL, big, document, flag, key, moment, number, text

flavors = Table(
    "flavors",
    API,
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

flavor_extra_specs = Table(
    "flavor_extra_specs",
    API,
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

flavor_projects = Table(
    "flavor_projects",
    API,
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

keypairs = Table(
    "keypairs",
    API,
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

aggregates = Table(
    "aggregates",
    API,
    key(),
    Column("uuid", text(36), nullable=False),
    Column("name", text(), nullable=False),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment()),
    UniqueConstraint("uuid", name="aggregates_uuid"),
    UniqueConstraint("name", name="aggregates_name"),
    **MYSQL,
)

aggregate_hosts = Table(
    "aggregate_hosts",
    API,
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

aggregate_metadata = Table(
    "aggregate_metadata",
    API,
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

server_groups = Table(
    "server_groups",
    API,
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

server_group_members = Table(
    "server_group_members",
    API,
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

quotas = Table(
    "quotas",
    API,
    Column("project_id", text(), primary_key=True),
    Column("resource", text(64), primary_key=True),
    Column("hard_limit", Integer(), nullable=False),
    **MYSQL,
)

project_user_quotas = Table(
    "project_user_quotas",
    API,
    Column("project_id", text(), primary_key=True),
    Column("user_id", text(), primary_key=True),
    Column("resource", text(64), primary_key=True),
    Column("hard_limit", Integer(), nullable=False),
    **MYSQL,
)

quota_classes = Table(
    "quota_classes",
    API,
    Column("class_name", text(), primary_key=True),
    Column("resource", text(64), primary_key=True),
    Column("hard_limit", Integer(), nullable=False),
    **MYSQL,
)

quota_locks = Table("quota_locks", API, Column("project_id", text(), primary_key=True), **MYSQL)
