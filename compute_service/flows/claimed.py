"""A flow as its owner sees it while the lease is held: what is done, what comes next.

The log says less than what happened, and the difference is one step at most: a local step is logged before
anything behind it begins, a remote one before its message goes out. So the first step that is not logged as
done, the *frontier*, may have been begun, and no step behind it can have been. Going forward begins at the
frontier; unwinding does too, and takes it back along with all before it.

A message that went out and was not answered is *open*: its host may act on it whenever it gets to it. Before
a flow ends such a step is closed, by its undo, or, where there is nothing to undo, by a word to the host that
it is not wanted any more.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from compute_service.control.services import Services
from compute_service.domain.flow import (
    Failure,
    FlowKey,
    FlowRecord,
    StepKey,
    StepPhase,
    StepRecord,
    StepState,
)
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.flows.step import AnyStep, Begun, Flow, Remote, Run

UNANSWERED = {"unanswered": True}
"""The output of a remote step that was given up: its host was asked and never answered."""


class Claimed:
    """One flow in one owner's hands. Not shared by threads."""

    def __init__(
        self,
        key: FlowKey,
        definition: Flow,
        record: FlowRecord,
        rows: Iterable[StepRecord],
        lease: float = 30.0,
    ) -> None:
        self.key = key
        self.definition = definition
        self.record = record
        self.rows: dict[tuple[int, StepPhase], StepRecord] = {(row.seq, row.phase): row for row in rows}
        self.params = msgspec.convert(record.params, definition.params)
        self.outputs: dict[str, Record] = {}
        self.unwritten: list[StepRecord] = []
        """Steps that are done and will be logged together with what comes next, in one transaction."""
        self.lease = lease
        """Seconds for which a flow is claimed."""
        self.servers: dict[str, Instance] = {}
        """What steps hand on to each other while the flow is in these hands (`Run.rows`)."""
        self.begun: list[Begun] = []
        """Flows to go on with after this one."""
        for row in self.rows.values():
            if row.phase is StepPhase.DO and row.state is StepState.DONE:
                self._keep(row)

    @property
    def steps(self) -> tuple[AnyStep, ...]:
        """The steps of its kind."""
        return self.definition.steps

    @property
    def frontier(self) -> int:
        """The first step that is not logged as done; the number of steps when all are."""
        for seq in range(len(self.steps)):
            if not self.is_done(seq, StepPhase.DO):
                return seq
        return len(self.steps)

    @property
    def to_undo(self) -> int | None:
        """The last step that may have an effect and is not taken back yet, or None."""
        for seq in reversed(range(min(self.frontier + 1, len(self.steps)))):
            if not self.is_done(seq, StepPhase.UNDO) and self._has_undo(seq):
                return seq
        return None

    @property
    def is_past_pivot(self) -> bool:
        """Whether there is no way back: a pivot is done, or a host was asked for it and may have done it."""
        return any(
            step.pivot and (self.is_done(seq, StepPhase.DO) or self.is_open(seq))
            for seq, step in enumerate(self.steps)
        )

    def is_open(self, seq: int) -> bool:
        """Tell whether a host was asked for a step and has not answered: it may do it at any time."""
        row = self.rows.get((seq, StepPhase.DO))
        if row is None or not isinstance(self.steps[seq], Remote):
            return False
        return row.state is StepState.PARKED or row.output == UNANSWERED

    @property
    def last_failure(self) -> Failure:
        """Why the latest of the failed phases failed."""
        failed = [row for row in self.rows.values() if row.error is not None]
        if not failed:
            return self.record.error or Failure(kind="ComputeError", message="failed without a reason")
        latest = max(failed, key=lambda row: row.finished_at.timestamp() if row.finished_at else 0.0)
        return latest.error or Failure(kind="ComputeError", message="failed without a reason")

    def is_done(self, seq: int, phase: StepPhase) -> bool:
        """Tell whether a phase is logged as done."""
        row = self.rows.get((seq, phase))
        return row is not None and row.state is StepState.DONE

    def _has_undo(self, seq: int) -> bool:
        step = self.steps[seq]
        if not isinstance(step, Remote):
            return step.undo is not None
        # A message never went out unless its row was written before.
        return (seq, StepPhase.DO) in self.rows and (step.undo is not None or self.is_open(seq))

    def log(self, row: StepRecord) -> None:
        """Take over what was just written to the log."""
        self.rows[row.seq, row.phase] = row
        if row.phase is StepPhase.DO and row.state is StepState.DONE:
            self._keep(row)

    def _keep(self, row: StepRecord) -> None:
        if row.seq >= len(self.steps):
            return
        step = self.steps[row.seq]
        kind = step.output
        passed_over = isinstance(step, Remote) and row.host is None and not row.output
        if kind is not None and not passed_over:
            self.outputs[row.name] = msgspec.convert(row.output, kind)

    def step_key(self, seq: int, phase: StepPhase, attempt: int = 0) -> StepKey:
        """Return the key of a phase of a step."""
        return StepKey(
            database=self.key.database, flow_id=self.key.flow_id, seq=seq, phase=phase, attempt=attempt
        )

    def run(self, svc: Services, seq: int, phase: StepPhase, attempt: int = 0) -> Run[Record]:
        """Return what the step is handed."""
        rows = (self.rows.get((seq, phase)), self.rows.get((seq, StepPhase.DO)))
        return Run(
            svc=svc,
            key=self.key,
            flow=self.record,
            params=self.params,
            outputs=self.outputs,
            step=self.step_key(seq, phase, attempt),
            host=next((row.host for row in rows if row is not None and row.host is not None), None),
            lease=self.lease,
            rows=self.servers,
            begun=self.begun,
        )
