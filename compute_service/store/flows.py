"""Flows of one database: the log that durable work is carried by.

Every change of state is a compare-and-swap that answers whether it won. A flow is worked on by whoever holds
its lease; `flow_claim` gives it to one only. A phase of a step that has finished is never overwritten: a late
or doubled answer finds nothing to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.expression import alias

from compute_service.domain.errors import Invalid
from compute_service.domain.flow import UNFINISHED, Failure, FlowRecord, FlowState, StepRecord
from compute_service.domain.record import Record
from compute_service.store.database import Tx
from compute_service.store.flow_rows import (
    FLOW_SELECT,
    FLOW_WITH_STEPS,
    STEP_SELECT,
    flow_of,
    flow_row,
    flow_with_steps_of,
    step_of,
    step_row,
)
from compute_service.store.flow_steps import (
    step_finish,
    step_park,
    step_sent,
    step_start,
    steps_of,
    steps_start,
)
from compute_service.store.sql import beyond, dump, dump_some, insert_all_new, insert_missing, insert_new
from compute_service.store.tables.flows import flow_steps, flows

__all__ = [
    "FlowQuery",
    "flow_cancel",
    "flow_claim",
    "flow_close",
    "flow_count_by_state",
    "flow_get",
    "flow_insert",
    "flow_page",
    "flow_put",
    "flow_release",
    "flow_renew",
    "flow_set_state",
    "flow_signal",
    "flow_take",
    "flow_wake_at",
    "flows_after",
    "flows_due",
    "flows_get",
    "flows_insert",
    "flows_of_instance",
    "flows_remove",
    "step_finish",
    "step_park",
    "step_sent",
    "step_start",
    "steps_of",
    "steps_of_flows",
    "steps_start",
    "unfinished_flow_of_instance",
    "unfinished_flows_of_instance",
]

_t = flows.c
_LIVE = tuple(sorted(state.value for state in UNFINISHED))
_ENDED = frozenset(FlowState) - UNFINISHED
_signals = msgspec.json.Decoder(list[str]).decode


class FlowQuery(Record):
    """Which flows an operator wants to see; newest first."""

    states: tuple[FlowState, ...] = ()
    kinds: tuple[str, ...] = ()
    instance_uuid: str | None = None
    project_id: str | None = None
    request_id: str | None = None
    started_before: datetime | None = None
    marker: str | None = None
    """The id of the last flow of the page before."""
    limit: int | None = None


_ONE = FLOW_SELECT.where(_t.id == bindparam("wanted"))
_CLAIM = (
    update(flows)
    .where(
        _t.id == bindparam("wanted"),
        or_(*(_t.state == state for state in _LIVE)),
        _t.lease <= bindparam("at"),
    )
    .values(claims=func.coalesce(_t.claims, 0) + 1)
)
_WITH_STEPS = FLOW_WITH_STEPS.where(_t.id == bindparam("wanted"))
_FOLLOWED = update(flows).where(_t.id == bindparam("first"), _t.followed.is_(False)).values(followed=True)


def flow_insert(tx: Tx, flow: FlowRecord) -> bool:
    """Add a flow; False when one of that id was there, which is left as it stands.

    The flow it is `after`, when that is in the same database, will know at its end that it is waited for.
    """
    if insert_new(tx, flows, flow_row(tx, flow)) is None:
        return False
    if flow.after is not None:
        tx.execute(_FOLLOWED, {"first": flow.after})
    return True


def flows_insert(tx: Tx, new: Sequence[FlowRecord]) -> bool:
    """Add flows, in one statement if all are new; those that are there already are left as they stand.

    What they are `after` has to see to them itself: it is not told that it is waited for. Returns whether
    all were new.
    """
    rows = [flow_row(tx, flow) for flow in new]
    if insert_all_new(tx, flows, rows):
        return True
    insert_missing(tx, flows, rows)
    return False


def flow_get(tx: Tx, flow_id: str) -> FlowRecord | None:
    """Return a flow, or None."""
    row = tx.one(_ONE, {"wanted": flow_id})
    return None if row is None else flow_of(row)


def flows_get(tx: Tx, flow_ids: Iterable[str], lock: bool = False) -> dict[str, FlowRecord]:
    """Return those of some flows that are here, by id; with `lock` nobody else changes them meanwhile."""
    statement = FLOW_SELECT.where(_t.id.in_(list(flow_ids)))
    rows = tx.all(statement.with_for_update() if lock else statement)
    return {row[0]: flow_of(row) for row in rows}


def _live(flow_id: str) -> Update:
    return update(flows).where(_t.id == flow_id, _t.state.in_(_LIVE))


def flow_claim(
    tx: Tx, flow_id: str, owner: str, now: float, lease_until: float
) -> tuple[FlowRecord, list[StepRecord]] | None:
    """Take an unfinished flow whose lease has run out: two statements, which need no transaction.

    Returns it with its steps in order, or None when another has it or it ended. `now` and `lease_until` are
    epoch seconds.
    """
    claim = {"wanted": flow_id, "at": now, "owner": owner, "lease": lease_until}
    if tx.execute(_CLAIM, claim).rowcount != 1:
        return None
    rows = tx.all(_WITH_STEPS, {"wanted": flow_id})
    return flow_with_steps_of(rows) if rows else None


def flow_renew(tx: Tx, flow_id: str, owner: str, lease_until: float) -> bool:
    """Hold on to a claimed flow for longer; False when it is no longer this owner's."""
    statement = _live(flow_id).where(_t.owner == owner).values(lease=lease_until)
    return tx.execute(statement).rowcount == 1


def flow_release(
    tx: Tx, flow_id: str, owner: str, wake_at: float = 0.0, seen: FlowRecord | None = None
) -> bool:
    """Give a claimed flow back; the sweep leaves it alone until `wake_at` (epoch seconds).

    With `seen`, a flow that was cancelled or signalled since then is due at once instead. Returns False when
    it was no longer this owner's.
    """
    at: Any = wake_at
    if seen is not None:
        signals = _t.signals.is_(None) if not seen.signals else _t.signals == dump_some(seen.signals)
        unheard = and_(_t.cancel.is_(None), signals) if seen.cancel is None else signals
        at = case((unheard, wake_at), else_=0.0)
    statement = _live(flow_id).where(_t.owner == owner)
    return tx.execute(statement.values(owner=None, lease=0.0, wake_at=at)).rowcount == 1


def flow_set_state(
    tx: Tx,
    flow_id: str,
    state: FlowState,
    seen: FlowState | None = None,
    owner: str | None = None,
    only: ColumnElement[bool] | None = None,
    **changes: Any,
) -> bool:
    """Move a flow to a state; an end (`done`, `failed`, `stuck`) also sets `finished_at` and drops the lease.

    With `seen` it must be in that state, otherwise in any unfinished one; with `owner` it must be claimed by
    it, and `only` is a further condition. `changes` may hold `error` (a Failure or None), `cancel`, `after`,
    `params`, `wake_at`, `lease`.
    Returns False when the flow was not so.
    """
    values: dict[str, Any] = {**changes, "state": state.value, "updated_at": tx.now()}
    if "error" in values:
        values["error"] = dump_some(values["error"])
    if "params" in values:
        values["params"] = dump(values["params"])
    if state in _ENDED:
        values |= {"finished_at": values["updated_at"], "lease": 0.0, "owner": None}
    elif seen in _ENDED:
        values |= {"finished_at": None}
    statement = (
        _live(flow_id) if seen is None else update(flows).where(_t.id == flow_id, _t.state == seen.value)
    )
    if owner is not None:
        statement = statement.where(_t.owner == owner)
    if only is not None:
        statement = statement.where(only)
    return tx.execute(statement.values(values)).rowcount == 1


def flow_close(
    tx: Tx, flow_id: str, state: FlowState, seen: FlowState, owner: str, error: Failure | None = None
) -> list[FlowRecord] | None:
    """End a claimed flow, and return the flows that waited for it; None when it was not so any more.

    It takes one statement where no flow waits, and needs no transaction.
    """
    alone = _t.followed.is_(False)
    if flow_set_state(tx, flow_id, state, seen=seen, owner=owner, only=alone, error=error):
        return []
    ended = flow_set_state(tx, flow_id, state, seen=seen, owner=owner, error=error)
    return flows_after(tx, flow_id) if ended else None


def flow_cancel(tx: Tx, flow_id: str, reason: str) -> bool:
    """Ask an unfinished flow to stop and have it looked at; the first reason stays.

    Returns False when it ended already or is not here.
    """
    statement = _live(flow_id).values(
        cancel=func.coalesce(_t.cancel, reason), wake_at=0.0, updated_at=tx.now()
    )
    return tx.execute(statement).rowcount == 1


def flow_signal(tx: Tx, flow_id: str, signal: str) -> bool:
    """Tell an unfinished flow something once and have it looked at; False when it ended or is not here."""
    row = tx.one(select(_t.signals).where(_t.id == flow_id, _t.state.in_(_LIVE)).with_for_update())
    if row is None:
        return False
    heard = _signals(row[0]) if row[0] else []
    if signal not in heard:
        heard.append(signal)
    statement = _live(flow_id).values(signals=dump(heard), wake_at=0.0, updated_at=tx.now())
    return tx.execute(statement).rowcount == 1


def flow_wake_at(tx: Tx, flow_id: str, at: float = 0.0) -> bool:
    """Have an unfinished flow looked at no later than `at` (epoch seconds; 0: by the next sweep)."""
    sooner = _live(flow_id).values(wake_at=func.least(_t.wake_at, at))
    if tx.dialect == "sqlite":
        sooner = _live(flow_id).values(wake_at=func.min(_t.wake_at, at))
    return tx.execute(sooner).rowcount == 1


def _due() -> Select[Any]:
    first = alias(flows, "first")
    blocked = and_(
        _t.state == FlowState.WAITING.value,
        exists().where(first.c.id == _t.after, first.c.state.in_(_LIVE)),
    )
    at: ColumnElement[float] = bindparam("at")
    statement = FLOW_SELECT.where(_t.state.in_(_LIVE), _t.wake_at <= at, _t.lease <= at, ~blocked)
    return statement.order_by(_t.wake_at, _t.id).limit(bindparam("most"))


_DUE = _due()
"""Made once: it is run every few seconds in every database."""


def flows_due(tx: Tx, now: float, limit: int = 100) -> list[FlowRecord]:
    """Return unfinished flows that nobody has and whose time has come, longest due first.

    A waiting flow is left out while the flow it waits for is unfinished in the same database.
    """
    return [flow_of(row) for row in tx.all(_DUE, {"at": now, "most": limit})]


def flows_after(tx: Tx, flow_id: str) -> list[FlowRecord]:
    """Return the flows that wait for one, oldest first."""
    statement = FLOW_SELECT.where(_t.after == flow_id, _t.state == FlowState.WAITING.value)
    return [flow_of(row) for row in tx.all(statement.order_by(_t.started_at, _t.id))]


def flows_of_instance(  # noqa: PLR0913 - all but two are optional filters, by keyword
    tx: Tx,
    instance_uuid: str,
    *,
    request_id: str | None = None,
    shown: bool = True,
    changes_since: datetime | None = None,
    changes_before: datetime | None = None,
    marker: str | None = None,
    limit: int | None = None,
) -> list[FlowRecord]:
    """Return a server's flows, newest first; `shown` keeps to those with an action.

    `marker` is the request id of the last one of the page before. Raises Invalid when it is unknown.
    """
    conditions: list[ColumnElement[bool]] = [_t.instance_uuid == instance_uuid]
    if shown:
        conditions.append(_t.action.is_not(None))
    if request_id is not None:
        conditions.append(_t.request_id == request_id)
    if changes_since is not None:
        conditions.append(_t.updated_at >= changes_since)
    if changes_before is not None:
        conditions.append(_t.updated_at <= changes_before)
    if marker is not None:
        conditions.append(
            _behind(tx, and_(_t.instance_uuid == instance_uuid, _t.request_id == marker), marker)
        )
    statement = FLOW_SELECT.where(*conditions).order_by(_t.started_at.desc(), _t.id.desc())
    return [flow_of(row) for row in tx.all(statement if limit is None else statement.limit(limit))]


def _behind(tx: Tx, wanted: ColumnElement[bool], marker: str) -> ColumnElement[bool]:
    last = tx.one(select(_t.started_at, _t.id).where(wanted).order_by(_t.started_at, _t.id).limit(1))
    if last is None:
        raise Invalid(f"marker [{marker}] not found")
    return beyond([(_t.started_at, True, last[0]), (_t.id, True, last[1])])


def unfinished_flows_of_instance(tx: Tx, instance_uuid: str) -> list[FlowRecord]:
    """Return a server's unfinished flows, oldest first."""
    statement = FLOW_SELECT.where(_t.instance_uuid == instance_uuid, _t.state.in_(_LIVE))
    return [flow_of(row) for row in tx.all(statement.order_by(_t.started_at, _t.id))]


def unfinished_flow_of_instance(tx: Tx, instance_uuid: str) -> FlowRecord | None:
    """Return the newest of a server's unfinished flows, behind which a further one has to wait, or None."""
    found = unfinished_flows_of_instance(tx, instance_uuid)
    return found[-1] if found else None


def flow_page(tx: Tx, query: FlowQuery) -> list[FlowRecord]:
    """Return one page of flows for operators, newest first. Raises Invalid for an unknown marker."""
    conditions: list[ColumnElement[bool]] = []
    if query.states:
        conditions.append(_t.state.in_([state.value for state in query.states]))
    if query.kinds:
        conditions.append(_t.kind.in_(query.kinds))
    for name in ("instance_uuid", "project_id", "request_id"):
        value = getattr(query, name)
        if value is not None:
            conditions.append(_t[name] == value)
    if query.started_before is not None:
        conditions.append(_t.started_at < query.started_before)
    if query.marker is not None:
        conditions.append(_behind(tx, _t.id == query.marker, query.marker))
    statement = FLOW_SELECT.where(*conditions).order_by(_t.started_at.desc(), _t.id.desc())
    return [
        flow_of(row) for row in tx.all(statement if query.limit is None else statement.limit(query.limit))
    ]


def flow_count_by_state(tx: Tx) -> dict[FlowState, int]:
    """Return how many unfinished and stuck flows there are in each state."""
    wanted = (*_LIVE, FlowState.STUCK.value)
    statement = select(_t.state, func.count()).where(_t.state.in_(wanted)).group_by(_t.state)
    return {FlowState(state): count for state, count in tx.all(statement)}


def steps_of_flows(tx: Tx, flow_ids: Sequence[str]) -> dict[str, list[StepRecord]]:
    """Return the steps of several flows by flow id, in one statement."""
    s = flow_steps.c
    statement = STEP_SELECT.where(s.flow_id.in_(flow_ids)).order_by(s.flow_id, s.seq, s.phase)
    found: dict[str, list[StepRecord]] = {}
    for row in tx.all(statement):
        found.setdefault(row[0], []).append(step_of(row))
    return found


def flow_take(tx: Tx, flow_id: str) -> tuple[FlowRecord, list[StepRecord]] | None:
    """Return a flow with its steps, to be put into another database, or None; it stays here meanwhile."""
    flow = flow_get(tx, flow_id)
    return None if flow is None else (flow, steps_of(tx, flow_id))


def flow_put(tx: Tx, flow: FlowRecord, steps: Sequence[StepRecord] = ()) -> bool:
    """Add a flow with its steps as they stood in another database; False when it was here already."""
    if insert_new(tx, flows, flow_row(tx, flow)) is None:
        return False
    if steps:
        tx.execute(insert(flow_steps), [step_row(tx, step) for step in steps])
    return True


def flows_remove(tx: Tx, flow_ids: Sequence[str], steps: bool = True) -> int:
    """Remove flows, as when they were put into a cell, and their `steps` unless they have none.

    Returns how many were here.
    """
    if not flow_ids:
        return 0
    if steps:
        tx.execute(delete(flow_steps).where(flow_steps.c.flow_id.in_(flow_ids)))
    return tx.execute(delete(flows).where(_t.id.in_(flow_ids))).rowcount
