"""Database URLs and the templates of cell mappings."""

from __future__ import annotations

import pytest

from compute_service.domain.errors import Invalid
from compute_service.store.addresses import database_url, fill_url


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("mysql+pymysql://u:p@h/nova?charset=utf8", "mysql+pymysql"),
        ("mysql://u:p@h/nova", "mysql+pymysql"),
        ("mariadb://u:p@h/nova", "mysql+pymysql"),
        ("postgresql://u:p@h/nova", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@h/nova", "postgresql+psycopg"),
        ("sqlite:////var/lib/nova.sqlite", "sqlite"),
        ("sqlite://", "sqlite"),
    ],
)
def test_urls_are_taken_as_operators_write_them(given: str, driver: str) -> None:
    assert database_url(given).drivername == driver


@pytest.mark.parametrize("given", ["", "nova", "oracle://h/x", "http://h", "mysql+pymysql://h:port/x"])
def test_what_is_no_database_url_is_refused(given: str) -> None:
    with pytest.raises(Invalid):
        database_url(given)


def test_a_refusal_does_not_show_the_password() -> None:
    with pytest.raises(Invalid) as refused:
        database_url("oracle://nova:sesame@h/x")
    assert "sesame" not in refused.value.message


@pytest.mark.parametrize(
    ("template", "own", "filled"),
    [
        ("mysql://u@h/cell1", None, "mysql://u@h/cell1"),
        (
            "{scheme}://{username}:{password}@{hostname}/nova_cell1?{query}",
            "mysql+pymysql://nova:s%40same@db.example.org/nova?charset=utf8",
            "mysql+pymysql://nova:s%40same@db.example.org/nova_cell1?charset=utf8",
        ),
        ("x://h:{port}/{path}#{fragment}", "mysql://u:p@h:3306/a/b#f", "x://h:3306/a/b#f"),
        (
            "rabbit://{username}:{password}@{hostname2}:{port2},{hostname1}/",
            "rabbit://u1:p1@r1:5671,u2:p2@r2:5672/vhost",
            "rabbit://u1:p1@r2:5672,r1/",
        ),
        ("mysql://{hostname}:{port}/x", "mysql://u:p@[fd00::1]:3306/y", "mysql://[fd00::1]:3306/x"),
    ],
)
def test_templates_are_filled_from_the_process_own_url(template: str, own: str | None, filled: str) -> None:
    assert fill_url(template, own) == filled


@pytest.mark.parametrize(("template", "own"), [("{hostname}", None), ("{colour}", "mysql://h/x")])
def test_a_template_that_cannot_be_filled_is_refused(template: str, own: str | None) -> None:
    with pytest.raises(Invalid, match="part"):
        fill_url(template, own)
