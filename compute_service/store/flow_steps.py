"""Steps of flows: each phase of each step is one row, which rises in attempts and never falls back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, update

from compute_service.domain.flow import Failure, StepKey, StepRecord, StepState
from compute_service.store.database import Tx
from compute_service.store.flow_rows import STEP_SELECT, step_of, step_row
from compute_service.store.sql import dump_some, insert_all_new, insert_new
from compute_service.store.tables.flows import flow_steps

_s = flow_steps.c


_THIS = and_(
    _s.flow_id == bindparam("this_flow"),
    _s.seq == bindparam("this_seq"),
    _s.phase == bindparam("this_phase"),
)
_UNENDED = or_(*(_s.state == state.value for state in (StepState.STARTED, StepState.PARKED)))
_ATTEMPT = bindparam("this_attempt", type_=_s.attempt.type)
_BEGIN_AGAIN = update(flow_steps).where(
    _THIS, or_(_s.attempt < _ATTEMPT, and_(_s.attempt == _ATTEMPT, _UNENDED))
)
_GO_ON = update(flow_steps).where(_THIS, _s.attempt == _ATTEMPT, _UNENDED)
_PARKED = update(flow_steps).where(_THIS, _s.attempt == _ATTEMPT, _s.state == StepState.PARKED.value)
_OF_FLOW = STEP_SELECT.where(_s.flow_id == bindparam("wanted")).order_by(_s.seq, _s.phase)


def _this(step: StepKey | StepRecord) -> dict[str, Any]:
    return {
        "this_flow": step.flow_id,
        "this_seq": step.seq,
        "this_phase": step.phase.value,
        "this_attempt": step.attempt,
    }


def step_start(tx: Tx, step: StepRecord) -> bool:
    """Log that a phase of a step begins, or begins anew after a crash or as a higher attempt.

    False when this attempt has finished already, or a higher one has begun. The time of the first beginning
    stays.
    """
    values = step_row(tx, step)
    if insert_new(tx, flow_steps, values) is not None:
        return True
    kept = ("flow_id", "seq", "phase", "started_at")
    changed = {name: value for name, value in values.items() if name not in kept}
    return tx.execute(_BEGIN_AGAIN, {**changed, **_this(step)}).rowcount == 1


def steps_start(tx: Tx, steps: Sequence[StepRecord]) -> bool:
    """Do as `step_start` for some phases, in one statement where all are new; the answer is of the last."""
    if len(steps) > 1 and insert_all_new(tx, flow_steps, [step_row(tx, step) for step in steps]):
        return True
    return [step_start(tx, step) for step in steps][-1]


def step_finish(
    tx: Tx,
    key: StepKey,
    state: StepState,
    output: dict[str, Any] | None = None,
    error: Failure | None = None,
    now: datetime | None = None,
) -> bool:
    """Log how a phase of a step ended (`done` or `failed`).

    False when this attempt has ended already, is not the current one, or never began.
    """
    values = {
        "state": state.value,
        "output": dump_some(output),
        "error": dump_some(error),
        "finished_at": now or tx.now(),
    }
    return tx.execute(_GO_ON, {**values, **_this(key)}).rowcount == 1


def step_park(
    tx: Tx,
    key: StepKey,
    deadline: float | None = None,
    sent_at: float | None = None,
    host: str | None = None,
) -> bool:
    """Log that a begun phase waits for an answer or an event until `deadline` (epoch seconds).

    False when this attempt has ended already, is not the current one, or never began.
    """
    values: dict[str, Any] = {"state": StepState.PARKED.value, "deadline": deadline, "sent_at": sent_at}
    if host is not None:
        values["host"] = host
    return tx.execute(_GO_ON, {**values, **_this(key)}).rowcount == 1


def step_sent(tx: Tx, key: StepKey, sent_at: float) -> bool:
    """Log that a parked phase's message went out again; False when it is no longer parked."""
    return tx.execute(_PARKED, {"sent_at": sent_at, **_this(key)}).rowcount == 1


def steps_of(tx: Tx, flow_id: str) -> list[StepRecord]:
    """Return a flow's steps in order, `do` before `undo` of each."""
    return [step_of(row) for row in tx.all(_OF_FLOW, {"wanted": flow_id})]
