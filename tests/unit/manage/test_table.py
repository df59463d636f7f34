from __future__ import annotations

import json
from datetime import datetime

import pytest

from compute_service.domain.errors import Invalid
from compute_service.manage.dates import parse_date
from compute_service.manage.table import Table, framed
from compute_service.manage.urls import cell0_url, masked


def test_a_table_has_its_cells_in_the_middle() -> None:
    table = Table(("Name", "Number"), (("cell0", 1), (None, 12345678)))
    assert str(table) == (
        "+-------+----------+\n"
        "|  Name |  Number  |\n"
        "+-------+----------+\n"
        "| cell0 |    1     |\n"
        "|       | 12345678 |\n"
        "+-------+----------+"
    )


def test_an_empty_table_has_its_frame() -> None:
    assert str(Table(("Name",))) == "+------+\n| Name |\n+------+\n+------+"


def test_a_table_as_json_has_its_headings_as_keys() -> None:
    table = Table(("Cell Name", "UUID"), (("a", None), ("b", datetime(2026, 1, 1))))
    assert json.loads(table.to_json()) == [
        {"cell_name": "a", "uuid": None},
        {"cell_name": "b", "uuid": "2026-01-01 00:00:00"},
    ]


def test_a_frame_has_a_rule_under_each_block() -> None:
    assert framed("Results", [("one", "longer than that"), ("two",)]) == (
        "+------------------+\n"
        "| Results          |\n"
        "+------------------+\n"
        "| one              |\n"
        "| longer than that |\n"
        "+------------------+\n"
        "| two              |\n"
        "+------------------+"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("none:///", "none:/"),
        (
            "mysql+pymysql://nova:s3cret@db/nova?charset=utf8",
            "mysql+pymysql://nova:****@db/nova?charset=utf8",
        ),
        ("rabbit://a:x@h1:5672,b:y@h2:5672/vh", "rabbit://a:****@h1:5672,b:****@h2:5672/vh"),
        ("rabbit://user:pa:ss@host/", "rabbit://user:****@host/"),
        ("rabbit://user:pa,ss@host/", "rabbit://user:****@host/"),
        ("rabbit://user:p@ss@host/", "rabbit://user:****@host/"),
        ("{scheme}://{username}:{password}@{hostname}/nova", "{scheme}://{username}:****@{hostname}/nova"),
        ("mysql://host/nova?password=geheim&x=1", "mysql://host/nova?password=****&x=1"),
        ("rabbit://host:5672/", "rabbit://host:5672/"),
        ("sqlite:////var/lib/nova.db", "sqlite:////var/lib/nova.db"),
    ],
)
def test_passwords_in_urls_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_cell0s_database_is_named_after_the_cells() -> None:
    assert cell0_url("mysql://u:p@h/nova?charset=utf8") == "mysql://u:p@h/nova_cell0?charset=utf8"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-08-31", datetime(2025, 8, 31)),
        ("2025-08-31 23:59", datetime(2025, 8, 31, 23, 59)),
        ("2025-08-31T12:00:00+02:00", datetime(2025, 8, 31, 10)),
        ("Aug 31 2025", datetime(2025, 8, 31)),
        ("31 August 2025", datetime(2025, 8, 31)),
    ],
)
def test_dates_are_read_as_operators_write_them(text: str, moment: datetime) -> None:
    assert parse_date(text) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "12"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is not a date"):
        parse_date(text)
