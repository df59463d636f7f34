from __future__ import annotations

import re
from pathlib import Path

import pytest

import compute_service.api
from compute_service.api.versions import HIGHEST, LOWEST, MICROVERSIONS, NotAcceptable, negotiate
from compute_service.domain.errors import Invalid

API = Path(compute_service.api.__file__).parent


def test_every_version_has_one_row_in_order() -> None:
    assert [row.minor for row in MICROVERSIONS] == list(range(LOWEST, HIGHEST + 1))


@pytest.mark.parametrize(
    ("header", "old", "version"),
    [
        (None, None, 1),
        ("compute 2.9", None, 9),
        ("Compute 2.9", "2.5", 9),
        (None, "2.5", 5),
        ("compute latest", None, HIGHEST),
        (None, "latest", HIGHEST),
        ("identity 3.9", None, 1),
        ("identity 3.9, compute 2.7", None, 7),
        ("identity 3.9", "2.5", 5),
        ("", "", 1),
    ],
)
def test_a_request_says_its_version(header: str | None, old: str | None, version: int) -> None:
    assert negotiate(header, old) == version


@pytest.mark.parametrize("asked", ["2", "2.", ".2", "a.b", "2.01", "02.1", "2.1.1", "-2.1"])
def test_a_malformed_version_is_refused(asked: str) -> None:
    with pytest.raises(Invalid):
        negotiate(None, asked)


@pytest.mark.parametrize("asked", ["2.0", "2.105", "1.1", "3.1"])
def test_a_version_out_of_range_is_not_acceptable(asked: str) -> None:
    with pytest.raises(NotAcceptable, match=r"Minimum is 2\.1 and maximum is 2\.104\."):
        negotiate(f"compute {asked}", None)


def mentioned() -> set[int]:
    """Return the minor versions that stand in the API's tables as a window's edge or a change."""
    edges: set[int] = set()
    for path in API.rglob("*.py"):
        if path.name == "versions.py":
            continue
        for edge, number in re.findall(r'(until)?(?:=|\()\s*"2\.(\d+)"', path.read_text()):
            edges.add(int(number) + bool(edge))
    return edges


def test_nothing_stands_for_a_version_that_is_not_listed() -> None:
    assert max(mentioned()) <= HIGHEST + 1


def test_every_version_that_shows_here_is_kept_by_a_window_or_a_change() -> None:
    here = {row.minor for row in MICROVERSIONS if row.kept == "here"}
    assert here - mentioned() == set()


def test_every_window_and_change_is_told_in_the_list() -> None:
    elsewhere = {row.minor for row in MICROVERSIONS if row.kept != "here"}
    assert elsewhere & mentioned() == set()
