"""Lives of servers on real parts, while daemons are killed and broker and database restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from proving.chaos.report import told
from proving.chaos.run import Trial, run
from proving.process import Missing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def test_nothing_is_stuck_lost_or_left_over_after_kills(tmp_path: Path) -> None:
    trial = Trial(seed=3, lives=24, users=8, kill_every=3.0, hosts=3)
    try:
        outcome = run(trial, tmp_path / "site", print)
    except Missing as missing:
        pytest.skip(str(missing))
    report = told(trial, outcome)
    assert outcome.is_good, report
    assert sum(outcome.faults.values()) > 2, report
    assert outcome.answers["accepted create"] >= 10, report
