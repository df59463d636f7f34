"""Runs the revisions of the cell database on the connection that `schema.upgrade` hands over."""

from __future__ import annotations

from alembic import context

import compute_service.store.tables  # noqa: F401 - fills the collection
from compute_service.store.tables.columns import CELL

context.configure(
    connection=context.config.attributes["connection"], target_metadata=CELL, transactional_ddl=False
)
context.run_migrations()
