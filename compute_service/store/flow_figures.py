"""What an operator wants to know of all flows at once: how many, how old, and whether any step is late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from compute_service.domain.flow import UNFINISHED, FlowState, StepState
from compute_service.domain.record import Record
from compute_service.store.database import Tx
from compute_service.store.tables.flows import flow_steps, flows

_WANTED = (*sorted(state.value for state in UNFINISHED), FlowState.STUCK.value)


class FlowFigures(Record):
    """The unfinished and stuck flows of one database, or of several."""

    counts: dict[str, int] = {}
    """By state."""
    since: dict[str, datetime] = {}
    """When the oldest began, by state."""
    overdue: int = 0
    """Steps that wait past their deadline."""

    def __add__(self, other: FlowFigures) -> FlowFigures:
        states = {*self.counts, *other.counts}
        return FlowFigures(
            counts={state: self.counts.get(state, 0) + other.counts.get(state, 0) for state in states},
            since={
                state: min(side.since[state] for side in (self, other) if state in side.since)
                for state in states
            },
            overdue=self.overdue + other.overdue,
        )


def flow_figures(tx: Tx, now: float) -> FlowFigures:
    """Return the figures of a database, in two statements; `now` in epoch seconds."""
    f, s = flows.c, flow_steps.c
    by_state = select(f.state, func.count(), func.min(f.started_at)).where(f.state.in_(_WANTED))
    rows = tx.all(by_state.group_by(f.state))
    late = (
        select(func.count())
        .select_from(flows.join(flow_steps, s.flow_id == f.id))
        .where(
            f.state.in_([state.value for state in UNFINISHED]),
            s.state == StepState.PARKED.value,
            s.deadline < now,
        )
    )
    return FlowFigures(
        counts={state: count for state, count, _ in rows},
        since={state: since for state, _, since in rows},
        overdue=tx.scalar(late) or 0,
    )
