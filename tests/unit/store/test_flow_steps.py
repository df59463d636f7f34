"""Steps of flows: begun, parked, ended, and never overwritten."""

from __future__ import annotations

import pytest

from compute_service.domain.flow import Failure, StepKey, StepPhase, StepRecord, StepState
from compute_service.store.database import Database
from compute_service.store.flows import (
    step_finish,
    step_park,
    step_sent,
    step_start,
    steps_of,
    steps_start,
)
from tests.fixtures.records import a_step
from tests.fixtures.stores import EPOCH, Times, assert_queries

DONE, FAILED, PARKED, STARTED = StepState.DONE, StepState.FAILED, StepState.PARKED, StepState.STARTED


def _key(step: StepRecord, attempt: int = 0) -> StepKey:
    return StepKey(database="c", flow_id=step.flow_id, seq=step.seq, phase=step.phase, attempt=attempt)


def _only(cell: Database) -> StepRecord:
    with cell.read() as tx:
        (found,) = steps_of(tx, "f")
    return found


def _begin(cell: Database, **fields: object) -> StepRecord:
    step = a_step("f", **fields)
    with cell.write() as tx:
        assert step_start(tx, step)
    return step


def test_a_step_comes_back_as_it_was_put_in(cell: Database) -> None:
    step = _begin(
        cell,
        event="compute__do_build_and_run_instance",
        host="h1",
        attempt=2,
        state=PARKED,
        output={"port": "größe"},
        error=Failure(kind="Timeout", message="late"),
        deadline=1767268800.5,
        sent_at=1767268799.5,
        finished_at=EPOCH,
    )
    assert _only(cell) == step


def test_a_step_that_crashed_begins_again(cell: Database) -> None:
    step = _begin(cell)
    with cell.write() as tx:
        assert step_start(tx, step.replace(host="h2", started_at=EPOCH.replace(year=2027)))
    found = _only(cell)
    assert (found.host, found.started_at, found.state) == ("h2", EPOCH, STARTED)


@pytest.mark.parametrize("end", [DONE, FAILED])
def test_an_ended_attempt_does_not_begin_end_or_park_again(cell: Database, end: StepState) -> None:
    step = _begin(cell)
    with cell.write() as tx:
        assert step_finish(tx, _key(step), end, {"first": 1})
        assert not step_start(tx, step)
        assert not step_finish(tx, _key(step), DONE, {"late": 1})
        assert not step_park(tx, _key(step), deadline=9.0)
        assert not step_sent(tx, _key(step), 9.0)
    found = _only(cell)
    assert (found.state, found.output) == (end, {"first": 1})


def test_a_higher_attempt_begins_anew_and_the_answer_to_a_lower_one_is_too_late(cell: Database) -> None:
    step = _begin(cell)
    with cell.write() as tx:
        assert step_finish(tx, _key(step), FAILED, error=Failure(kind="Timeout", message="late"))
        assert step_start(tx, step.replace(attempt=1))
        assert not step_finish(tx, _key(step, 0), DONE, {"late": 1})
        assert not step_start(tx, step)
        found = steps_of(tx, "f")[0]
        assert (found.state, found.attempt, found.error, found.finished_at) == (STARTED, 1, None, None)
        assert step_finish(tx, _key(step, 1), DONE, {"second": 2})
    assert _only(cell).output == {"second": 2}


def test_the_end_of_a_step_is_dated(cell: Database, times: Times) -> None:
    step = _begin(cell)
    end = times.pass_by(seconds=3)
    with cell.write() as tx:
        step_finish(tx, _key(step), FAILED, error=Failure(kind="Invalid", message="no"))
    found = _only(cell)
    assert (found.started_at, found.finished_at) == (EPOCH, end)
    assert found.error == Failure(kind="Invalid", message="no")


def test_a_step_parks_is_sent_again_and_ends(cell: Database) -> None:
    step = _begin(cell)
    with cell.write() as tx:
        assert not step_sent(tx, _key(step), 1.0)
        assert step_park(tx, _key(step), deadline=100.0, sent_at=1.0, host="h1")
        assert step_sent(tx, _key(step), 2.0)
        found = steps_of(tx, "f")[0]
        assert (found.state, found.deadline, found.sent_at, found.host) == (PARKED, 100.0, 2.0, "h1")
        assert not step_sent(tx, _key(step, 1), 3.0)
        assert step_finish(tx, _key(step), DONE)


def test_what_never_began_cannot_end(cell: Database) -> None:
    step = a_step("f")
    with cell.write() as tx:
        assert not step_finish(tx, _key(step), DONE)
        assert not step_park(tx, _key(step))
        assert steps_of(tx, "f") == []


def test_doing_and_undoing_are_apart_and_in_order(cell: Database) -> None:
    for seq, phase in ((1, StepPhase.DO), (0, StepPhase.UNDO), (0, StepPhase.DO), (1, StepPhase.UNDO)):
        step = _begin(cell, seq=seq, phase=phase)
        with cell.write() as tx:
            step_finish(tx, _key(step), DONE, {"phase": phase.value})
    with cell.read() as tx:
        found = steps_of(tx, "f")
    assert [(s.seq, s.output["phase"]) for s in found] == [(0, "do"), (0, "undo"), (1, "do"), (1, "undo")]


def test_a_step_begins_and_ends_with_one_statement_each(cell: Database) -> None:
    with assert_queries(cell, at_most=2), cell.write() as tx:
        step = a_step("f")
        step_start(tx, step)
        step_finish(tx, _key(step), DONE)


def test_steps_begin_together_with_one_statement(cell: Database) -> None:
    with assert_queries(cell, at_most=1), cell.write() as tx:
        assert steps_start(tx, [a_step("f", 0), a_step("f", 1)])


def test_of_steps_that_begin_together_those_that_are_there_stay_as_they_ended(cell: Database) -> None:
    _begin(cell, seq=1)
    with cell.write() as tx:
        step_finish(tx, _key(a_step("f", 1)), DONE)
        assert steps_start(tx, [a_step("f", 0), a_step("f", 1), a_step("f", 2)])
        assert not steps_start(tx, [a_step("f", 3), a_step("f", 1)])
        states = [step.state for step in steps_of(tx, "f")]
    assert states == [StepState.STARTED, DONE, StepState.STARTED, StepState.STARTED]
