"""A whole store on SQLite, schema and cell mappings included: for the all-in-one process and for tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from compute_service.domain.host import CELL0, Cell
from compute_service.store.database import Observer, utc_now
from compute_service.store.engine import Store, StoreUrls
from compute_service.store.mappings import cell_mapping_insert, cell_mapping_list
from compute_service.store.schema.upgrade import sync_database

_NAMESPACE = uuid.UUID("6f1f7c0a-0c0e-5f53-9d2e-6b1d3f6f8f11")


def embedded_cell(name: str) -> str:
    """Return the UUID that an embedded store gives the cell of this name."""
    return str(uuid.uuid5(_NAMESPACE, name))


def embedded_store(
    directory: Path | None = None,
    cells: Sequence[str] = ("cell1",),
    transport_url: str = "none:///",
    now: Callable[[], datetime] = utc_now,
    observe: Observer | None = None,
) -> Store:
    """Return a store with an API database, cell0 and the named cells, made or upgraded where needed.

    The databases are files of `directory`, or in memory (and gone with the store) when there is none.
    """

    def url(name: str) -> str:
        return "sqlite://" if directory is None else f"sqlite:///{directory / name}.sqlite"

    store = Store(StoreUrls(api=url("api"), transport=transport_url), now=now, observe=observe)
    sync_database(store.api, "api")
    wanted = {CELL0: ("cell0", "none:///"), **{embedded_cell(name): (name, transport_url) for name in cells}}
    with store.api.write() as tx:
        mapped = {cell.uuid for cell in cell_mapping_list(tx)}
        for cell, (name, transport) in wanted.items():
            if cell not in mapped:
                cell_mapping_insert(
                    tx, Cell(uuid=cell, name=name, transport_url=transport, database_connection=url(name))
                )
    for cell in wanted:
        sync_database(store.database(cell), "cell")
    return store
