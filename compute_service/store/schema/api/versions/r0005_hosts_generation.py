"""Cells know how often something was told about hosts."""

from __future__ import annotations

from alembic import op

from compute_service.store.tables.columns import number

revision = "0005"
down_revision = "0004"
PHASE = "expand"


def upgrade() -> None:
    """Add the column; nothing was told as yet."""
    op.add_column("cell_mappings", number("hosts_generation"))
