from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compute_service.agent.journal import Journal, Verdict
from compute_service.domain.errors import Unavailable
from compute_service.domain.flow import Failure, StepKey, StepPhase, StepResult

DONE = StepResult(ok=True, value={"power_state": 1})


def key(phase: StepPhase = StepPhase.DO, attempt: int = 0, seq: int = 3, flow: str = "f1") -> StepKey:
    return StepKey(database="cell", flow_id=flow, seq=seq, phase=phase, attempt=attempt)


class Time:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture(params=["memory", "disk"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, now: Time) -> Journal:
    if request.param == "memory":
        return Journal.in_memory(now)
    return Journal.on_disk(tmp_path / "agent" / "journal.sqlite", now)


def test_a_new_key_is_run_and_its_repeat_while_running_is_ignored(journal: Journal) -> None:
    assert journal.begin(key()).verdict is Verdict.RUN
    assert journal.begin(key()).verdict is Verdict.IGNORE
    assert journal.running() == {key()}


def test_a_repeat_after_the_answer_replays_it(journal: Journal) -> None:
    failed = StepResult(ok=False, failure=Failure(kind="HostRejected", message="no room"))
    journal.begin(key())
    journal.finish(key(), failed)
    again = journal.begin(key())
    assert (again.verdict, again.result) == (Verdict.REPLAY, failed)


def test_a_key_interrupted_by_a_restart_is_run_again(journal: Journal) -> None:
    journal.begin(key())
    assert journal.restarted().begin(key()).verdict is Verdict.RUN


def test_an_answer_survives_a_restart(journal: Journal) -> None:
    journal.begin(key())
    journal.finish(key(), DONE)
    assert journal.restarted().begin(key()).result == DONE


def test_an_abandoned_key_is_run_when_sent_again(journal: Journal) -> None:
    journal.begin(key())
    journal.abandon(key())
    assert journal.begin(key()).verdict is Verdict.RUN


def test_a_late_do_after_its_undo_is_refused_also_after_a_restart(journal: Journal) -> None:
    journal.begin(key(StepPhase.UNDO))
    assert journal.begin(key()).verdict is Verdict.REFUSE
    assert journal.begin(key(attempt=5)).verdict is Verdict.REFUSE
    assert journal.restarted().begin(key()).verdict is Verdict.REFUSE


def test_a_do_that_waits_is_overtaken_by_its_undo(journal: Journal) -> None:
    journal.begin(key())
    assert not journal.overtaken(key())
    assert journal.begin(key(StepPhase.UNDO)).verdict is Verdict.RUN
    assert journal.overtaken(key())
    assert not journal.overtaken(key(StepPhase.UNDO))


def test_an_answered_do_is_replayed_even_after_its_undo(journal: Journal) -> None:
    journal.begin(key())
    journal.finish(key(), DONE)
    journal.begin(key(StepPhase.UNDO))
    assert journal.begin(key()).result == DONE


def test_a_new_attempt_is_new_work_and_the_older_one_comes_too_late(journal: Journal) -> None:
    assert journal.begin(key(attempt=1)).verdict is Verdict.RUN
    assert journal.begin(key(attempt=0)).verdict is Verdict.REFUSE
    assert journal.begin(key(attempt=2)).verdict is Verdict.RUN


def test_steps_and_flows_do_not_touch_each_other(journal: Journal) -> None:
    journal.begin(key(StepPhase.UNDO, seq=3))
    assert journal.begin(key(seq=4)).verdict is Verdict.RUN
    assert journal.begin(key(flow="f2")).verdict is Verdict.RUN


def test_pruning_drops_the_old_and_keeps_what_runs(journal: Journal, now: Time) -> None:
    journal.begin(key(seq=1))
    journal.finish(key(seq=1), DONE)
    journal.begin(key(seq=2))
    now.at += 100
    journal.begin(key(seq=3))
    journal.finish(key(seq=3), DONE)
    assert journal.prune(keep_seconds=50) == 1
    assert journal.begin(key(seq=1)).verdict is Verdict.RUN
    assert journal.begin(key(seq=2)).verdict is Verdict.IGNORE
    assert journal.begin(key(seq=3)).verdict is Verdict.REPLAY


def test_pruning_drops_the_oldest_beyond_the_limit(journal: Journal, now: Time) -> None:
    for seq in range(10):
        now.at += 1
        journal.begin(key(seq=seq))
        journal.finish(key(seq=seq), DONE)
    assert journal.prune(keep_entries=4) == 6
    assert journal.begin(key(seq=5)).verdict is Verdict.RUN
    assert journal.begin(key(seq=6)).verdict is Verdict.REPLAY


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    program = f"""
import os, signal
from pathlib import Path
from compute_service.agent.journal import Journal
from compute_service.domain.flow import StepKey, StepPhase, StepResult
journal = Journal.on_disk(Path({str(path)!r}))
key = lambda seq: StepKey(database="cell", flow_id="f1", seq=seq, phase=StepPhase.DO)
journal.begin(key(1)); journal.finish(key(1), StepResult(ok=True, value={{"power_state": 1}}))
journal.begin(key(2))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], timeout=30, check=False)  # noqa: S603
    journal = Journal.on_disk(path)
    assert journal.begin(key(seq=1)).result == DONE
    assert journal.begin(key(seq=2)).verdict is Verdict.RUN


def test_a_second_opener_is_turned_away(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    first = Journal.on_disk(path)
    with pytest.raises(Unavailable, match="cannot be opened"):
        Journal.on_disk(path)
    first.close()
    Journal.on_disk(path).close()


def test_a_broken_file_is_put_aside(tmp_path: Path, now: Time) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is not a database" * 100)
    assert Journal.on_disk(path, now).begin(key()).verdict is Verdict.RUN
    assert (tmp_path / "journal.broken-1000").exists()
