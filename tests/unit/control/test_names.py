"""Names and secrets that are made up."""

from __future__ import annotations

import re

import pytest

from compute_service.control.names import hostname_of, names_of, new_password, new_reservation_id


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("web", "web"),
        ("My Web_Server", "my-web-server"),
        ("web.example.org", "web-example-org"),
        ("--web--", "web"),
        ("wéb✓", "wb"),
        ("x" * 80, "x" * 63),
        ("x" * 62 + " y", "x" * 62),
        ("✓✓", "server-the-uuid"),
        ("...", "server-the-uuid"),
    ],
)
def test_a_hostname_has_only_what_hostnames_may_have(name: str, hostname: str) -> None:
    assert hostname_of(name, "the-uuid") == hostname


def test_servers_of_one_order_are_numbered_only_when_there_are_several() -> None:
    assert names_of("web", 1) == ("web",)
    assert names_of("web", 3) == ("web-1", "web-2", "web-3")


def test_a_password_has_each_kind_of_sign_and_none_that_is_mistaken() -> None:
    password = new_password(12)
    assert len(password) == 12
    assert re.search("[a-z]", password)
    assert re.search("[A-Z]", password)
    assert re.search("[0-9]", password)
    assert not set("0O1Il") & set(new_password(500))
    assert new_password(0) == ""


def test_reservations_are_told_apart() -> None:
    made = {new_reservation_id() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("r-[a-z0-9]{8}", one) for one in made)
