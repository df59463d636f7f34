"""The log of durable work: a flow and its steps, as kept in SQL.

A flow belongs to the database that holds what it works on: the API database before a server has a cell,
the cell's own afterwards. `FlowKey` names both.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from compute_service.domain.record import Record

API_DATABASE = "api"
"""The `database` of flows and of instances that have no cell yet; every other value is a cell's UUID."""


class FlowState(StrEnum):
    """Where a flow stands. The first three are unfinished: some conductor will take them up."""

    WAITING = "waiting"
    """Behind another flow (`after`)."""
    RUNNING = "running"
    UNWINDING = "unwinding"
    DONE = "done"
    FAILED = "failed"
    """Unwound: nothing is held, the fault is recorded."""
    STUCK = "stuck"
    """An undo, or a step behind the pivot, gave up: an operator decides with `flow retry|abandon`."""


UNFINISHED: frozenset[FlowState] = frozenset({FlowState.WAITING, FlowState.RUNNING, FlowState.UNWINDING})


class StepPhase(StrEnum):
    """Whether a step's effect is being made or taken back."""

    DO = "do"
    UNDO = "undo"


class StepState(StrEnum):
    """Where one phase of a step stands."""

    STARTED = "started"
    PARKED = "parked"
    """A message is out, or an event is awaited; no thread waits."""
    DONE = "done"
    FAILED = "failed"


class FlowKey(Record):
    """Where a flow is and which it is."""

    database: str
    flow_id: str


class StepKey(Record):
    """One phase of one step of one flow: the idempotency key of everything done for it.

    `attempt` rises when an operator or a bounded retry runs the phase anew; a host treats it as new work.
    """

    database: str
    flow_id: str
    seq: int
    phase: StepPhase
    attempt: int = 0

    @property
    def flow(self) -> FlowKey:
        """The flow it belongs to."""
        return FlowKey(database=self.database, flow_id=self.flow_id)


class Failure(Record):
    """An error in a form that is kept and sent. `kind` is the error class's name in `domain.errors`."""

    kind: str
    message: str
    details: str = ""


class StepResult(Record):
    """What a host answers for a remote step: `value` when `ok`, else `failure`."""

    ok: bool
    value: dict[str, Any] = {}
    failure: Failure | None = None


class FlowRecord(Record):
    """One durable piece of work."""

    id: str
    kind: str
    """Names the `Flow` definition that runs it."""
    params: dict[str, Any]
    state: FlowState = FlowState.RUNNING
    instance_uuid: str | None = None
    action: str | None = None
    """The name in os-instance-actions, or None when users do not see this flow there."""
    after: str | None = None
    cancel: str | None = None
    """Why it was asked to stop: the flow unwinds at the next step that can be left."""
    signals: tuple[str, ...] = ()
    lease: float = 0.0
    """Epoch seconds until which `owner` has it."""
    owner: str | None = None
    wake_at: float = 0.0
    """Epoch seconds before which the sweep leaves it alone (parked until then, or backing off)."""
    claims: int = 0
    """How often an owner took it: 1 in the hands of its first."""
    request_id: str | None = None
    global_request_id: str | None = None
    """The identifier that the caller gave the request, if any: calls to other services carry it."""
    user_id: str | None = None
    project_id: str | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    error: Failure | None = None


class StepRecord(Record):
    """One phase of one step, as logged."""

    flow_id: str
    seq: int
    phase: StepPhase
    name: str
    event: str | None = None
    """The name under os-instance-actions' events, or None when not shown."""
    state: StepState = StepState.STARTED
    attempt: int = 0
    host: str | None = None
    output: dict[str, Any] = {}
    error: Failure | None = None
    deadline: float | None = None
    """Epoch seconds after which a parked step counts as failed."""
    sent_at: float | None = None
    """Epoch seconds of the last message of a parked remote step: after a while it is sent again."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
