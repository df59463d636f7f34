"""One thing at a time of one flow: do the next step, take the last one back, or find that it has to wait."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from compute_service.domain.errors import Timeout, Unavailable
from compute_service.domain.flow import (
    UNFINISHED,
    Failure,
    FlowRecord,
    FlowState,
    StepKey,
    StepPhase,
    StepRecord,
    StepState,
)
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.flows.claimed import UNANSWERED, Claimed
from compute_service.flows.edges import tell_beginning
from compute_service.flows.failure import failure_of, is_transient, pause_before
from compute_service.flows.step import AnyStep, Remote, Run, Step, Wait
from compute_service.store.database import Database, Tx
from compute_service.store.flows import (
    flow_get,
    flow_release,
    flow_set_state,
    step_finish,
    step_sent,
    step_start,
    steps_start,
)

if TYPE_CHECKING:
    from compute_service.flows.engine import Engine

LOG = logging.getLogger(__name__)

WINDOW = 1000
"""Attempts are counted within windows of this size; an operator's retry opens the next window."""

LONGEST_SILENCE = 30.0
"""Seconds between two sendings of an unanswered message, at most."""


class Verdict(Enum):
    """What came of one look at a flow."""

    GO_ON = "go on"
    PARKED = "parked"
    """The lease is given back, or lost: nothing more to do here now."""
    ENDED = "ended"
    """All steps are done, or all are taken back."""
    STUCK = "stuck"


def tries_of(row: StepRecord) -> int:
    """Return how often a phase was tried again since it began or since an operator's retry."""
    return row.attempt % WINDOW


def grant_tries(tx: Tx, rows: Iterable[StepRecord]) -> None:
    """Let what failed be tried anew, with as many tries as at first."""
    for row in rows:
        if row.state is StepState.FAILED:
            attempt = (row.attempt // WINDOW + 1) * WINDOW
            step_start(tx, row.replace(state=StepState.STARTED, attempt=attempt, error=None))


@contextmanager
def written(database: Database, live: Claimed) -> Iterator[Tx]:
    """Open a write of one statement, in one transaction with what is done and not logged yet."""
    if not live.unwritten:
        with database.alone() as tx:
            yield tx
        return
    with database.write() as tx:
        steps_start(tx, live.unwritten)
        yield tx
    live.unwritten.clear()


def write_down(database: Database, live: Claimed) -> None:
    """Log what is done and not logged yet: nothing behind it has begun."""
    if len(live.unwritten) == 1:
        with database.alone() as tx:
            step_start(tx, live.unwritten[0])
    elif live.unwritten:
        with database.write() as tx:
            steps_start(tx, live.unwritten)
    live.unwritten.clear()


class Stepper:
    """Moves one claimed flow by one look at a time."""

    def __init__(self, engine: Engine, database: Database, live: Claimed) -> None:
        self._engine = engine
        self._svc = engine.svc
        self._database = database
        self._live = live

    def next(self) -> Verdict:
        """Do the next thing."""
        state = self._live.record.state
        if state is FlowState.WAITING:
            return self._wait_turn()
        return self._forward() if state is FlowState.RUNNING else self._back()

    # Directions

    def _wait_turn(self) -> Verdict:
        first = self._live.record.after
        with self._database.read() as tx:
            before = flow_get(tx, first) if first else None
        if before is not None and before.state in UNFINISHED:
            return self._park(self._engine.timing.behind)
        if self._live.record.cancel:
            return self._unwind(_cancelled(self._live.record))
        return self._move(FlowState.RUNNING, None)

    def _forward(self) -> Verdict:
        live = self._live
        seq = live.frontier
        if seq == len(live.steps):
            return Verdict.ENDED
        if live.record.cancel and not live.is_past_pivot:
            return self._unwind(_cancelled(live.record))
        row = live.rows.get((seq, StepPhase.DO))
        if row is not None and row.state is StepState.FAILED:
            return self._after_failure(seq, row)
        if row is not None and row.state is StepState.PARKED:
            return self._look_at_parked(seq, row)
        if row is None:
            tell_beginning(self._svc, live, seq)
        return self._begin(seq, StepPhase.DO, row.attempt if row else 0)

    def _back(self) -> Verdict:
        seq = self._live.to_undo
        if seq is None:
            return Verdict.ENDED
        row = self._live.rows.get((seq, StepPhase.UNDO))
        if row is not None and row.state is StepState.FAILED:
            if not may_try_again(self._engine, row):
                return Verdict.STUCK
            return self._try_again(seq, row)
        if row is not None and row.state is StepState.PARKED:
            return self._look_at_parked(seq, row)
        return self._begin(seq, StepPhase.UNDO, row.attempt if row else 0)

    # Failure

    def _after_failure(self, seq: int, row: StepRecord) -> Verdict:
        step = self._live.steps[seq]
        failure = row.error or Failure(kind="ComputeError", message="failed without a reason")
        if self._live.is_past_pivot:
            return self._try_again(seq, row) if may_try_again(self._engine, row) else Verdict.STUCK
        if isinstance(step, Remote):
            allowed = step.retries
        else:
            allowed = step.retries if isinstance(step, Step) and is_transient(failure) else 0
        return self._try_again(seq, row) if tries_of(row) < allowed else self._unwind(failure)

    def _try_again(self, seq: int, row: StepRecord) -> Verdict:
        pause = pause_before(tries_of(row) + 1)
        if row.finished_at is not None:
            waited = (self._svc.clock.now() - row.finished_at).total_seconds()
            if waited < pause:
                return self._park(pause - waited)
        return self._begin(seq, row.phase, row.attempt + 1)

    def _unwind(self, failure: Failure) -> Verdict:
        return self._move(FlowState.UNWINDING, failure)

    def _move(self, state: FlowState, failure: Failure | None) -> Verdict:
        record = self._live.record
        with written(self._database, self._live) as tx:
            moved = flow_set_state(
                tx, record.id, state, seen=record.state, owner=self._engine.owner, error=failure
            )
        if not moved:
            return Verdict.PARKED
        self._live.record = record.replace(state=state, error=failure)
        return Verdict.GO_ON

    # Steps

    def _begin(self, seq: int, phase: StepPhase, attempt: int) -> Verdict:
        step = self._live.steps[seq]
        if isinstance(step, Remote):
            return self._send(seq, step, phase, attempt)
        write_down(self._database, self._live)
        run = self._live.run(self._svc, seq, phase, attempt)
        elapsed = self._engine.timed()
        began = self._svc.clock.now()
        try:
            output = self._call(step, run)
        except Exception as error:
            return self._failed(seq, phase, attempt, failure_of(error), elapsed())
        if isinstance(step, Wait) and phase is StepPhase.DO and output is None:
            return self._park_wait(seq, step)
        row = self._row(seq, phase, attempt, StepState.DONE).replace(
            output=msgspec.to_builtins(output) if output is not None else {},
            started_at=began,
            finished_at=self._svc.clock.now(),
        )
        if step.pivot:
            self._log(row)
        else:
            self._live.log(row)
            self._live.unwritten.append(row)
        self._engine.observer.step_ended(self._live.record.kind, step.name, phase, True, elapsed())
        return Verdict.GO_ON

    @staticmethod
    def _call(step: Step | Wait, run: Run[Record]) -> Record | None:
        if run.step.phase is StepPhase.UNDO:
            if step.undo is not None:
                step.undo(run)
            return None
        return step.check(run) if isinstance(step, Wait) else step.do(run)

    def _failed(
        self, seq: int, phase: StepPhase, attempt: int, failure: Failure, seconds: float = 0.0
    ) -> Verdict:
        name = self._live.steps[seq].name
        LOG.warning("%s", self._words(name, phase, failure))
        row = self._row(seq, phase, attempt, StepState.FAILED)
        if phase is StepPhase.DO and self._live.is_open(seq):
            row = row.replace(output=UNANSWERED, host=self._live.rows[seq, phase].host)
        self._log(row.replace(error=failure, finished_at=self._svc.clock.now()))
        self._engine.observer.step_ended(self._live.record.kind, name, phase, False, seconds)
        return Verdict.GO_ON

    def _words(self, step: str, phase: StepPhase, failure: Failure) -> str:
        record = self._live.record
        text = f"flow {record.id} ({record.kind}, server {record.instance_uuid}): {phase} of {step} failed: "
        return (
            text + f"{failure.kind}: {failure.message}" + (f"\n{failure.details}" if failure.details else "")
        )

    def _row(self, seq: int, phase: StepPhase, attempt: int, state: StepState) -> StepRecord:
        step, known = self._live.steps[seq], self._live.rows.get((seq, phase))
        return StepRecord(
            flow_id=self._live.record.id,
            seq=seq,
            phase=phase,
            name=step.name,
            event=step.event if phase is StepPhase.DO else None,
            state=state,
            attempt=attempt,
            started_at=known.started_at if known else self._svc.clock.now(),
        )

    def _log(self, row: StepRecord) -> None:
        self._live.log(row)
        self._live.unwritten.append(row)
        write_down(self._database, self._live)

    # Waiting

    def _park(self, seconds: float) -> Verdict:
        record = self._live.record
        with written(self._database, self._live) as tx:
            flow_release(tx, record.id, self._engine.owner, self._svc.clock.time() + seconds, record)
        return Verdict.PARKED

    def _park_wait(self, seq: int, step: Wait) -> Verdict:
        record, now = self._live.record, self._svc.clock.time()
        known = self._live.rows.get((seq, StepPhase.DO))
        deadline = known.deadline if known and known.deadline else now + step.deadline
        if now >= deadline:
            failure = failure_of(Timeout(f"{step.name} took longer than {step.deadline:.0f} seconds."))
            return self._failed(seq, StepPhase.DO, known.attempt if known else 0, failure)
        row = self._row(seq, StepPhase.DO, known.attempt if known else 0, StepState.PARKED)
        wake_at = min(now + self._engine.timing.look, deadline)
        if known is None or known.state is not StepState.PARKED:
            self._live.unwritten.append(row.replace(deadline=deadline))
        with written(self._database, self._live) as tx:
            flow_release(tx, record.id, self._engine.owner, wake_at, record)
        return Verdict.PARKED

    def _send(self, seq: int, step: Remote, phase: StepPhase, attempt: int) -> Verdict:
        """Log that a message goes out, give the lease back, and send it."""
        run = self._live.run(self._svc, seq, phase, attempt)
        try:
            target = self._target(step, run)
        except Exception as error:
            return self._failed(seq, phase, attempt, failure_of(error))
        if target is None:
            row = self._row(seq, phase, attempt, StepState.DONE)
            self._log(row.replace(finished_at=self._svc.clock.now()))
            return Verdict.GO_ON
        if not self._engine.host_seen_up(*target):
            return self._host_is_down(seq, step, phase, attempt, target)
        record, now = self._live.record, self._svc.clock.time()
        row = self._row(seq, phase, attempt, StepState.PARKED).replace(
            host=target[1], deadline=now + step.deadline, sent_at=now
        )
        with self._database.write() as tx:
            fresh = steps_start(tx, (*self._live.unwritten, row))
            flow_release(tx, record.id, self._engine.owner, now + self._engine.timing.resend, record)
        self._live.unwritten.clear()
        if fresh:
            self._post(step, run, target)
        return Verdict.PARKED

    @staticmethod
    def _target(step: Remote, run: Run[Record]) -> tuple[str, str] | None:
        """Return where a message goes: a revocation to the host that was asked."""
        if run.step.phase is StepPhase.UNDO and step.undo is None and run.host is not None:
            return run.key.database, run.host
        return step.to(run)

    def _host_is_down(
        self, seq: int, step: Remote, phase: StepPhase, attempt: int, target: tuple[str, str]
    ) -> Verdict:
        if phase is StepPhase.DO and step.done_without is not None and self._live.is_open(seq):
            known = step.done_without(self._live.run(self._svc, seq, phase, attempt))
            if known is not None:
                return self._settled(seq, attempt, target[1], known)
        if phase is StepPhase.DO or step.undo_needs_host:
            failure = failure_of(Unavailable(f"Host {target[1]} is down."))
            return self._failed(seq, phase, attempt, failure)
        # It may be heard later; and a guest left over is an orphan that the host removes when it is back.
        self._log(
            self._row(seq, phase, attempt, StepState.DONE).replace(
                host=target[1], finished_at=self._svc.clock.now()
            )
        )
        self._post(step, self._live.run(self._svc, seq, phase, attempt), target)
        return Verdict.GO_ON

    def _settled(self, seq: int, attempt: int, host: str, done: bool) -> Verdict:
        """Log what became of a step without its host's answer."""
        row = self._row(seq, StepPhase.DO, attempt, StepState.DONE if done else StepState.FAILED)
        failure = None if done else failure_of(Unavailable(f"Host {host} is lost."))
        self._log(row.replace(host=host, error=failure, finished_at=self._svc.clock.now()))
        return Verdict.GO_ON

    def _post(self, step: Remote, run: Run[Record], target: tuple[str, str]) -> None:
        """Send a message. One that cannot be made fails the step; one that gets lost goes out again."""
        send = step.send if run.step.phase is StepPhase.DO else step.undo or _revoke
        try:
            send(run, self._svc.agent(*target), run.step)
        except Exception as error:
            failure = failure_of(error)
            LOG.warning("%s", self._words(step.name, run.step.phase, failure))
            if not is_transient(failure):
                with self._database.alone() as tx:
                    step_finish(tx, run.step, StepState.FAILED, error=failure, now=self._svc.clock.now())
                self._engine.ring(run.key)

    def _look_at_parked(self, seq: int, row: StepRecord) -> Verdict:
        step = self._live.steps[seq]
        if isinstance(step, Wait):
            return self._begin(seq, StepPhase.DO, row.attempt)
        if not isinstance(step, Remote):
            return self._begin(seq, row.phase, row.attempt)
        now = self._svc.clock.time()
        if row.deadline is not None and now >= row.deadline:
            failure = failure_of(Timeout(f"Host {row.host} did not answer in {step.deadline:.0f} seconds."))
            return self._failed(seq, row.phase, row.attempt, failure)
        run = self._live.run(self._svc, seq, row.phase, row.attempt)
        target = self._target(step, run)
        if target is None or not self._engine.host_up(*target):
            return self._host_is_down(seq, step, row.phase, row.attempt, target or ("", row.host or ""))
        silence = self._silence(step, row, now)
        due = (row.sent_at or 0.0) + silence
        if now < due:
            return self._park(due - now)
        record = self._live.record
        with self._database.write() as tx:
            parked = step_sent(tx, run.step, now)
            flow_release(tx, record.id, self._engine.owner, now + silence, record)
        if parked:
            self._post(step, run, target)
        else:
            # The answer came between two looks: look again at once.
            self._engine.ring(run.key)
        return Verdict.PARKED

    def _silence(self, step: AnyStep, row: StepRecord, now: float) -> float:
        """Return the seconds between two sendings, which grow with the time that has passed."""
        resend = self._engine.timing.resend
        if row.deadline is None or not isinstance(step, Remote):
            return resend
        passed = now - (row.deadline - step.deadline)
        return max(resend, min(passed / 2, LONGEST_SILENCE))


def _revoke(run: Run[Record], agent: ComputeAgent, key: StepKey) -> None:
    agent.revoke(key, run.flow.instance_uuid or run.flow.id)


def may_try_again(engine: Engine, row: StepRecord) -> bool:
    """Tell whether what must succeed may be tried once more: so many times, or so long if it may pass."""
    if tries_of(row) + 1 < engine.timing.tries:
        return True
    if row.error is None or row.started_at is None or not is_transient(row.error):
        return False
    return (engine.svc.clock.now() - row.started_at).total_seconds() < engine.timing.patience


def _cancelled(record: FlowRecord) -> Failure:
    return Failure(kind="Cancelled", message=record.cancel or "cancelled")
