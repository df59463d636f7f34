"""Flows and their steps: the same two tables in the API database and in every cell."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, true

from compute_service.store.tables.columns import (
    API,
    CELL,
    MYSQL,
    document,
    epoch,
    moment,
    number,
    shadow,
    text,
)


def _flows(metadata: MetaData) -> Table:
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
        # What a release without these columns writes counts as taken before and as waited for.
        Column("claims", Integer(), server_default="1"),
        Column("followed", Boolean(), server_default=true()),
        Column("request_id", text()),
        Column("global_request_id", text()),
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


def _flow_steps(metadata: MetaData) -> Table:
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


flows = _flows(CELL)
flow_steps = _flow_steps(CELL)
_flows(API)
_flow_steps(API)
shadow_flows = shadow(flows)
shadow_flow_steps = shadow(flow_steps)
