"""What flows are made of.

Rules that every flow keeps, and the simulation checks:

1. A step gets a `Run` and returns a small record (below 64 KB as JSON), saved with the step. Nothing else
   passes between steps.
2. Every `do` is safe to repeat, and every `undo` is safe after a half-done `do` or none at all. What is made
   in other services carries a key of ours (the server's UUID, or one derived from the flow's id), so that a
   repeat finds the first.
3. A `Remote` sends a message and parks: no thread waits. The host answers `Conductor.finished`, and any
   conductor goes on. The message is sent again until answered or the deadline passes.
4. From a `pivot` step on there is no way back: failures behind it are retried forward.
5. A flow ends `done`, `failed` (unwound, fault recorded) or `stuck` (an undo or a step behind the pivot gave
   up; an operator decides). Recovery after a crash is the ordinary path: there is no second one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from compute_service.control.services import Services
from compute_service.domain.flow import Failure, FlowKey, FlowRecord, StepKey
from compute_service.domain.instance import Instance
from compute_service.domain.migration import MigrationType
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record

P = TypeVar("P", bound=Record)
R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Begun:
    """A flow that was written as its writer's own, for that engine to go on with."""

    key: FlowKey
    flow: FlowRecord
    rows: dict[str, Instance]


@dataclass(frozen=True, slots=True)
class Run(Generic[P]):
    """What a step sees of its flow. `outputs` maps the names of finished steps to their records."""

    svc: Services
    key: FlowKey
    flow: FlowRecord
    params: P
    outputs: dict[str, Record]
    step: StepKey
    host: str | None = None
    lease: float = 30.0
    """Seconds for which a flow is claimed."""
    rows: dict[str, Instance] = field(default_factory=dict)
    """Servers by UUID as steps that are run in one go hand them on. None may be there, and others may have
    changed them since."""
    begun: list[Begun] = field(default_factory=list)
    """Flows that the engine goes on with once it has let go of this one."""

    def as_own(self, flow: FlowRecord) -> FlowRecord:
        """Return a new flow as it is to be inserted for this engine to go on with: claimed already.

        Once it is in the database, say so by `go_on_with`. Should that not come, the lease runs out.
        """
        return flow.replace(owner=self.flow.owner, lease=self.svc.clock.time() + self.lease, claims=1)

    def go_on_with(self, key: FlowKey, flow: FlowRecord, *rows: Instance) -> None:
        """Have the engine take up a flow that was inserted `as_own`, with servers as they are in `rows`."""
        self.begun.append(Begun(key, flow, {row.uuid: row for row in rows}))

    def output(self, step: str, kind: type[R]) -> R:
        """Return what an earlier step returned. Raises KeyError when it has not finished."""
        found = self.outputs[step]
        if not isinstance(found, kind):
            raise TypeError(f"step {step} returned {type(found).__name__}, not {kind.__name__}")
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """Work done where the conductor runs."""

    name: str
    do: Callable[[Run[Any]], Record | None]
    undo: Callable[[Run[Any]], None] | None = None
    output: type[Record] | None = None
    event: str | None = None
    """Its name under os-instance-actions' events; None hides it."""
    pivot: bool = False
    retries: int = 3
    """How often an Unavailable, Stale or Timeout is tried again (with growing pauses) before it counts."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Work done on a host. `send` makes one cast with the key it is handed and returns at once.

    `to` gives (cell, host), or None when there is no such host (then the step passes at once with no output).
    When the host is down its undo is passed over, for the agent removes orphans when it comes back, unless
    `undo_needs_host` says that this is not enough.

    When the host is down and may have done a `do` already, `done_without` is asked: True, it is done; False,
    it is not, and will not be any more, so that it counts as failed; None, that cannot be known.
    """

    name: str
    to: Callable[[Run[Any]], tuple[str, str] | None]
    send: Callable[[Run[Any], ComputeAgent, StepKey], None]
    undo: Callable[[Run[Any], ComputeAgent, StepKey], None] | None = None
    output: type[Record] | None = None
    event: str | None = None
    pivot: bool = False
    deadline: float = 1800.0
    """Seconds until a parked `do` or `undo` counts as failed."""
    retries: int = 0
    """How often a failed `do` is sent anew (as a new attempt); behind a pivot more are made."""
    undo_needs_host: bool = False
    done_without: Callable[[Run[Any]], bool | None] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Parks until `check` returns a record: looked at on every doorbell and sweep, until the deadline."""

    name: str
    check: Callable[[Run[Any]], Record | None]
    output: type[Record]
    deadline: float = 300.0
    event: str | None = None
    undo: Callable[[Run[Any]], None] | None = None
    pivot: bool = False


AnyStep = Step | Remote | Wait


@dataclass(frozen=True, slots=True)
class Flow:
    """A kind of durable work. `on_done` and `on_failed` are the last step of each ending: they are repeated
    until they succeed, and must be safe to repeat."""

    kind: str
    params: type[Record]
    steps: tuple[AnyStep, ...]
    on_done: Callable[[Run[Any]], None] | None = None
    on_failed: Callable[[Run[Any], Failure], None] | None = None
    """Runs when everything is unwound: puts the server in the state it ends in, or submits another try."""
    on_stuck: Callable[[Run[Any], Failure], None] | None = None
    migration: MigrationType | None = None
    """Set for the moving kinds: they show in os-migrations."""
