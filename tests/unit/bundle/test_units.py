"""Which units have something done to them."""

from __future__ import annotations

import time
from pathlib import Path
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


@pytest.mark.parametrize(
    ("state", "began", "changed", "wanting"),
    [
        ("started", 100.0, 99.0, False),
        ("started", 100.0, 101.0, True),
        ("restarted", 100.0, 99.0, False),
        ("restarted", 100.0, 101.0, True),
        ("running", 100.0, 101.0, False),
    ],
)
def test_a_unit_that_runs_since_before_its_files_is_started_anew(
    units: Any, state: str, began: float, changed: float, wanting: bool
) -> None:
    seen = unit("active") | {"InactiveExitTimestampMonotonic": str(int(began * 1e6))}
    assert units.wanting(state, seen, changed) is wanting


def test_a_unit_that_does_not_run_is_started_whatever_its_files_age(units: Any) -> None:
    seen = unit("inactive") | {"InactiveExitTimestampMonotonic": "0"}
    assert units.wanting("started", seen, 5.0)
    assert not units.wanting("restarted", seen, 5.0)


def test_of_several_files_the_last_change_counts_and_one_that_is_not_there_does_not(
    units: Any, tmp_path: Path
) -> None:
    before = time.monotonic()
    (tmp_path / "new").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    changed = units.changed_at([str(tmp_path / "new"), str(tmp_path / "link"), str(tmp_path / "gone")])
    assert before - 1 < changed <= time.monotonic()
    assert units.changed_at([str(tmp_path / "gone")]) == 0.0


def test_a_file_of_the_future_tells_nothing(
    units: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").write_text("")
    now = time.time()
    monkeypatch.setattr(units.time, "time", lambda: now - 3600)
    assert units.changed_at([str(tmp_path / "new")]) == 0.0


def test_a_unit_that_is_being_started_again_is_waited_for(
    units: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_BETWEEN_SECONDS", 0.0)
    seen = iter(["activating", "activating", "active"])
    found = units.settled(["agent"], lambda: {"agent": unit(next(seen))}, 30)
    assert found == {"agent": unit("active")}


def test_one_that_never_comes_up_is_not_waited_for_longer_than_there_is_patience(units: Any) -> None:
    assert units.settled(["agent"], lambda: {"agent": unit("activating")}, 0) == {"agent": unit("activating")}


def test_one_that_failed_for_good_or_is_not_asked_about_is_not_waited_for(units: Any) -> None:
    seen = {"agent": unit("failed"), "other": unit("activating")}
    assert units.settled(["agent"], lambda: seen, 30) == seen
