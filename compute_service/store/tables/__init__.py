"""The tables of both databases, as SQLAlchemy Core sees them.

`columns.API` and `columns.CELL` hold them all once this package is imported.
"""

from __future__ import annotations

from compute_service.store.tables import catalog, flows, hosts, instances, mappings

__all__ = ["catalog", "flows", "hosts", "instances", "mappings"]
