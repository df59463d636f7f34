"""Flows of servers without a cell know the identifier that the caller gave the request."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column

from compute_service.store.tables.columns import text

revision = "0003"
down_revision = "0002"
PHASE = "expand"


def upgrade() -> None:
    """Add the column; what is there, or an older release adds, has none."""
    op.add_column("flows", Column("global_request_id", text()))
