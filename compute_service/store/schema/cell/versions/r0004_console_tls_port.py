"""A console's token knows the port for encrypted connections."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer

revision = "0004"
down_revision = "0003"
PHASE = "expand"


def upgrade() -> None:
    """Add the column; what is there, or an older release adds, has none."""
    op.add_column("console_auth_tokens", Column("tls_port", Integer))
