"""Mappings know what their servers were ordered as, for when a cell does not answer."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column

from compute_service.store.tables.columns import document, text

revision = "0004"
down_revision = "0003"
PHASE = "expand"


def upgrade() -> None:
    """Add the columns; mappings that are there, or that an older release adds, have nothing in them."""
    op.add_column("instance_mappings", Column("flavor", document()))
    op.add_column("instance_mappings", Column("image_ref", text()))
    op.add_column("instance_mappings", Column("pinned_availability_zone", text()))
