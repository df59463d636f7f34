"""The end of a console's log."""

from __future__ import annotations

import pytest

from compute_service.domain.console import last_lines


@pytest.mark.parametrize(
    ("log", "length", "end"),
    [
        ("a\nb\nc\n", None, "a\nb\nc\n"),
        ("a\nb\nc\n", 2, "b\nc"),
        ("a\nb\nc", 2, "b\nc"),
        ("a\nb\n", 9, "a\nb"),
        ("a\n\n", 1, ""),
        ("", 3, ""),
        ("a\n", 0, ""),
    ],
)
def test_the_last_lines_are_as_many_as_asked_for(log: str, length: int | None, end: str) -> None:
    assert last_lines(log, length) == end
