"""Flows of the API database count their owners, and know whether another flow waits for them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Integer, true

revision = "0002"
down_revision = "0001"
PHASE = "expand"


def upgrade() -> None:
    """Add the columns; what is there, or an older release adds, counts as taken before and as waited for."""
    op.add_column("flows", Column("claims", Integer(), server_default="1"))
    op.add_column("flows", Column("followed", Boolean(), server_default=true()))
