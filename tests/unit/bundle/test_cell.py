"""How the cells of a site are mapped: with templates, so that they follow the passwords of nova.conf."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.manage.urls import masked
from tests.unit.bundle.conftest import Load

DATABASE = "{scheme}://{username}:{password}@{hostname}/{path}?{query}"
TRANSPORT = "{scheme}://{username}:{password}@{hostname}:{port}/{path}"


@pytest.fixture
def cell(load: Load) -> Any:
    return load("cell")


def known(uuid: str, name: str, transport: str, database: str) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "transport_url": transport, "database_connection": database}


def wanting(cell: Any, *cells: dict[str, Any]) -> list[tuple[str, ...]]:
    return list(cell.wanting(list(cells), "cell1", DATABASE, TRANSPORT))


def test_cells_that_are_not_there_are_mapped_by_templates(cell: Any) -> None:
    first, second = wanting(cell)
    assert first == ("map_cell0", "--database_connection", DATABASE.replace("{path}", "{path}_cell0"))
    assert second[:3] == ("create_cell", "--name", "cell1")
    assert {TRANSPORT, DATABASE} <= set(second)


def test_cells_with_addresses_of_their_own_get_templates(cell: Any) -> None:
    plain = "mysql+pymysql://nova:****@h/nova_cell0"
    commands = wanting(
        cell,
        known(cell.CELL0, "cell0", "none:/", plain),
        known("u1", "cell1", "rabbit://stratus:****@h:5672/", masked(DATABASE)),
    )
    assert [words[:3] for words in commands] == [
        ("update_cell", "--cell_uuid", cell.CELL0),
        ("update_cell", "--cell_uuid", "u1"),
    ]
    assert cell.NO_TRANSPORT in commands[0]
    assert TRANSPORT in commands[1]


def test_cells_that_are_as_they_should_be_are_left_alone_with_all_others(cell: Any) -> None:
    assert not wanting(
        cell,
        known(cell.CELL0, "cell0", "none:/", masked(DATABASE.replace("{path}", "{path}_cell0"))),
        known("u1", "cell1", masked(TRANSPORT), masked(DATABASE)),
        known("u2", "far", "rabbit://other:****@there/", "mysql+pymysql://nova:****@there/nova"),
    )
