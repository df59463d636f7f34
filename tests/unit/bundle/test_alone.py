"""One at a time on a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundle.conftest import COLLECTIONS


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(COLLECTIONS))
    from ansible_collections.stratus.compute.plugins.module_utils import alone

    return alone


def test_a_second_one_waits_no_longer_than_it_was_told_to(lock: Any, tmp_path: Path) -> None:
    with (
        lock.alone("schema", folder=str(tmp_path)),
        pytest.raises(lock.Occupied, match="at schema on this host"),
        lock.alone("schema", seconds=0.3, folder=str(tmp_path)),
    ):
        pass


def test_after_the_first_one_comes_the_next_and_others_need_not_wait(lock: Any, tmp_path: Path) -> None:
    reached = []
    for what in ("schema", "schema", "release"):
        with lock.alone(what, seconds=0.3, folder=str(tmp_path)):
            reached.append(what)
    with lock.alone("schema", folder=str(tmp_path)), lock.alone("release", seconds=0.3, folder=str(tmp_path)):
        reached.append("both")
    assert reached == ["schema", "schema", "release", "both"]
