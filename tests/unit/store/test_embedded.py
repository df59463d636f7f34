"""The store that the all-in-one process and most tests run on."""

from __future__ import annotations

from pathlib import Path

from compute_service.domain.host import CELL0
from compute_service.store.embedded import embedded_cell, embedded_store


def test_an_embedded_store_has_an_api_database_cell0_and_the_named_cells() -> None:
    store = embedded_store(cells=("east", "west"))
    assert [cell.name for cell in store.cells()] == ["east", "west"]
    assert store.names() == ("api", CELL0, embedded_cell("east"), embedded_cell("west"))
    assert store.cell0.name == CELL0


def test_an_embedded_store_is_found_again_in_its_directory(tmp_path: Path) -> None:
    first = embedded_store(tmp_path)
    cells = first.cells()
    first.close()
    assert embedded_store(tmp_path).cells() == cells
