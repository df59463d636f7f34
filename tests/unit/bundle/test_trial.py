"""Steps that are taken one after another until one fails."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.unit.bundle.conftest import COLLECTIONS


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(COLLECTIONS))
    from ansible_collections.stratus.compute.plugins.module_utils import trial

    return trial


def boot() -> None:
    """Go well."""


def test_each_step_that_went_well_tells_its_time(trial: ModuleType) -> None:
    seconds, failed = trial.take((boot,))
    assert list(seconds) == ["boot"]
    assert failed == ""


def test_nothing_follows_a_step_that_failed(trial: ModuleType) -> None:
    def console() -> None:
        raise trial.Failed("nothing on the console")

    assert trial.take((console, boot)) == ({}, "nothing on the console")


def test_a_failure_that_nobody_foresaw_names_its_kind(trial: ModuleType) -> None:
    def divide() -> None:
        1 / 0  # noqa: B018

    assert trial.take((divide,))[1] == "ZeroDivisionError: division by zero"


def test_waiting_has_a_limit(trial: ModuleType) -> None:
    with pytest.raises(trial.Failed, match=r"^no picture within 0 s$"):
        trial.until(lambda: False, 0, "no picture")
