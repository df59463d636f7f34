"""Which units have something done to them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.bundle.conftest import Load

SHOWN = """ActiveState=active
UnitFileState=enabled

ActiveState=inactive
UnitFileState=
"""


@pytest.fixture
def units(load: Load) -> Any:
    return load("units")


def unit(active: str, enabled: str = "enabled") -> dict[str, str]:
    return {"ActiveState": active, "UnitFileState": enabled}


def test_what_systemctl_shows_is_told_apart_by_unit(units: Any) -> None:
    one, other = units.parsed(SHOWN)
    assert (one["ActiveState"], one["UnitFileState"]) == ("active", "enabled")
    assert (other["ActiveState"], other["UnitFileState"]) == ("inactive", "")


@pytest.mark.parametrize(
    ("state", "seen", "wanting"),
    [
        ("started", unit("active"), False),
        ("started", unit("active", "static"), False),
        ("started", unit("active", "disabled"), True),
        ("started", unit("inactive"), True),
        ("started", unit("failed"), True),
        ("stopped", unit("active"), True),
        ("stopped", unit("activating"), True),
        ("stopped", unit("failed"), False),
        ("stopped", unit("inactive", ""), False),
        ("restarted", unit("active"), True),
        ("restarted", unit("inactive"), False),
        ("running", unit("inactive"), False),
    ],
)
def test_a_unit_is_touched_only_when_it_is_not_as_it_should_be(
    units: Any, state: str, seen: dict[str, str], wanting: bool
) -> None:
    assert units.wanting(state, seen) is wanting
