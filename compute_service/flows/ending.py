"""The end of a flow: its last word, its final state, and those who waited for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from compute_service.domain.flow import (
    Failure,
    FlowKey,
    FlowState,
    StepPhase,
    StepRecord,
    StepState,
)
from compute_service.flows.claimed import Claimed
from compute_service.flows.edges import tell_end
from compute_service.flows.failure import failure_of, pause_before
from compute_service.flows.stepping import may_try_again, tries_of, write_down, written
from compute_service.store.database import Database
from compute_service.store.flows import flow_close, flow_release, step_start

if TYPE_CHECKING:
    from compute_service.flows.engine import Engine

LOG = logging.getLogger(__name__)

NO_REASON = Failure(kind="ComputeError", message="failed without a reason")


def end_flow(engine: Engine, database: Database, live: Claimed) -> bool:
    """Say the last word of a flow that has nothing left to do or to undo, and close it.

    Returns False when the last word failed: the flow is parked and will be looked at again.
    """
    forward = live.record.state is FlowState.RUNNING
    failure = live.record.error or NO_REASON
    phase = StepPhase.DO if forward else StepPhase.UNDO
    run = live.run(engine.svc, len(live.steps), phase)
    try:
        if forward and live.definition.on_done is not None:
            write_down(database, live)
            live.definition.on_done(run)
        if not forward and live.definition.on_failed is not None:
            write_down(database, live)
            live.definition.on_failed(run, failure)
    except Exception as error:
        return _last_word_failed(engine, database, live, phase, failure_of(error))
    _close(engine, database, live, FlowState.DONE if forward else FlowState.FAILED, live.record.error)
    return True


def stick(engine: Engine, database: Database, live: Claimed, failure: Failure) -> None:
    """Close a flow that can go neither on nor back; an operator decides what becomes of it."""
    LOG.error(
        "flow %s (%s, server %s) is stuck: %s: %s",
        live.record.id,
        live.record.kind,
        live.record.instance_uuid,
        failure.kind,
        failure.message,
    )
    if live.definition.on_stuck is not None:
        try:
            live.definition.on_stuck(live.run(engine.svc, len(live.steps), StepPhase.UNDO), failure)
        except Exception:
            LOG.exception("the last word of the stuck flow %s failed", live.record.id)
    _close(engine, database, live, FlowState.STUCK, failure)


def _last_word_failed(
    engine: Engine, database: Database, live: Claimed, phase: StepPhase, failure: Failure
) -> bool:
    seq = len(live.steps)
    known = live.rows.get((seq, phase))
    attempt = known.attempt + 1 if known else 0
    row = StepRecord(
        flow_id=live.record.id,
        seq=seq,
        phase=phase,
        name="last word",
        state=StepState.FAILED,
        attempt=attempt,
        error=failure,
        finished_at=engine.svc.clock.now(),
    )
    LOG.warning("the last word of flow %s failed: %s: %s", live.record.id, failure.kind, failure.message)
    if failure.details:
        LOG.warning("%s", failure.details)
    row = row.replace(started_at=known.started_at if known else row.finished_at)
    pause = pause_before(tries_of(row) + 1)
    with database.write() as tx:
        step_start(tx, row)
        if may_try_again(engine, row):
            wake_at = engine.svc.clock.time() + pause
            flow_release(tx, live.record.id, engine.owner, wake_at, live.record)
            return False
    stick(engine, database, live, failure)
    return True


def _close(
    engine: Engine, database: Database, live: Claimed, state: FlowState, failure: Failure | None
) -> None:
    record = live.record
    if state is FlowState.DONE:
        # That the flow is done says it of its last steps too, unless users are shown them.
        live.unwritten = [row for row in live.unwritten if row.event is not None and record.action]
    with written(database, live) as tx:
        waiting = flow_close(tx, record.id, state, record.state, engine.owner, failure)
    live.record = record.replace(state=state, error=failure)
    if waiting is not None:
        LOG.info("flow %s (%s, server %s) is %s", record.id, record.kind, record.instance_uuid, state)
        engine.observer.flow_ended(record.kind, state)
        tell_end(engine.svc, live, state, failure)
        engine.wake(FlowKey(database=live.key.database, flow_id=flow.id) for flow in waiting)
