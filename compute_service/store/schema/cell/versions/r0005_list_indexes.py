"""Lists by name, of one state, and of what ran in a period are read in order."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
PHASE = "expand"

_INDEXES = {
    "instances_project_name": ["project_id", "deleted", "display_name", "uuid"],
    "instances_name": ["deleted", "display_name", "uuid"],
    "instances_state": ["deleted", "vm_state", "created_at", "uuid"],
    "instances_project_launched": ["project_id", "launched_at", "uuid"],
    "instances_launched": ["launched_at", "uuid"],
}


def upgrade() -> None:
    """Add the indexes; an older release does not know them and goes on as before."""
    for name, columns in _INDEXES.items():
        op.create_index(name, "instances", columns)
