"""Runs flows: any number of engines, in any number of processes, over the same logs.

An engine takes a flow by its lease, looks at the log (`Claimed`), does the next thing, logs it, and goes on
until the flow ends or has to wait. A crash leaves a lease that runs out, and whoever takes the flow next does
the same: there is no other path for recovery.

What waits holds no thread: a remote step whose message is out, a `Wait` that looks again later, a failed step
that pauses before it is tried anew, and a flow that is behind another are all parked with a time to wake at.
A doorbell (`Conductor.wake`, `Conductor.finished`) only brings that time forward, so losing one does no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, NotFound
from compute_service.domain.flow import (
    UNFINISHED,
    FlowKey,
    FlowRecord,
    FlowState,
    StepKey,
    StepPhase,
    StepResult,
    StepState,
)
from compute_service.domain.request_id import Asker, bound
from compute_service.flows import stepping
from compute_service.flows.claimed import Claimed
from compute_service.flows.ending import end_flow, stick
from compute_service.flows.step import Begun, Flow
from compute_service.store.database import Database
from compute_service.store.engine import Store
from compute_service.store.flows import (
    flow_cancel,
    flow_claim,
    flow_get,
    flow_renew,
    flow_set_state,
    flow_signal,
    flow_wake_at,
    flows_due,
    step_finish,
    steps_of,
)

LOG = logging.getLogger(__name__)


class Observer(Protocol):
    """Hears what flows do, for metrics."""

    def step_ended(self, kind: str, step: str, phase: str, ok: bool, seconds: float) -> None:
        """A phase of a local step ended, or a remote one was answered."""

    def flow_ended(self, kind: str, state: str) -> None:
        """A flow ended as `done`, `failed` or `stuck`."""


class Silent:
    """An observer that does nothing."""

    def step_ended(self, kind: str, step: str, phase: str, ok: bool, seconds: float) -> None:
        """Do nothing."""

    def flow_ended(self, kind: str, state: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds; and how often a failing step is tried where it must succeed."""

    lease: float = 30.0
    resend: float = 20.0
    """Until an unanswered message goes out again; grows up to 30."""
    look: float = 5.0
    """Between two looks of a `Wait`."""
    behind: float = 30.0
    """Until a flow that is behind another looks by itself whether that one has ended."""
    tries: int = 60
    """Of an undo, of a step behind the pivot, and of the last step of an ending; then the flow is stuck."""
    patience: float = 8 * 3600.0
    """Beyond these tries, for how long they go on while what fails may pass by itself: a host or a service
    that is away may come back."""


class Engine:
    """Advances flows. Safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - all but three are optional collaborators, by keyword
        self,
        svc: Services,
        flows: Mapping[str, Flow],
        owner: str,
        *,
        timing: Timing | None = None,
        host_up: Callable[[str, str], bool] = lambda cell, host: True,
        host_seen_up: Callable[[str, str], bool] | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.svc = svc
        self.flows = flows
        self.owner = owner
        """Names this engine among all; a new one after a restart."""
        self.timing = timing or Timing()
        self.host_up = host_up
        self.host_seen_up = host_seen_up or host_up
        """Asked before a message goes out for the first time; may believe what it saw a moment ago."""
        self.observer: Observer = observer or Silent()
        self._held: dict[FlowKey, float] = {}
        """Flows in hand and since when."""
        self._again: set[FlowKey] = set()
        """Flows in hand for which a doorbell rang meanwhile."""
        self._answered: dict[FlowKey, list[StepKey]] = {}
        """Steps that hosts answered, to be counted when their flow is taken."""
        self._lock = threading.Lock()

    # What rings

    def advance(self, key: FlowKey) -> None:
        """Take a flow and run it until it ends or waits. Does nothing when another has it or it has ended.

        Raises Unavailable when its database cannot be reached; its lease then runs out.
        """
        begun: list[Begun] = []
        while self._take(key):
            try:
                begun += self._advance_once(key)
            finally:
                again = self._let_go(key)
            if not again:
                break
        for one in begun:
            self._go_on(one)

    def finished(self, key: StepKey, result: StepResult) -> None:
        """Record a host's answer, then go on with the flow. An answer that comes again changes nothing."""
        database = self._database(key.flow)
        if database is None:
            return
        state = StepState.DONE if result.ok else StepState.FAILED
        with database.alone() as tx:
            new = step_finish(tx, key, state, output=result.value, error=result.failure)
        if new:
            LOG.debug("step %s answered: %s", key, state)
            with self._lock:
                self._answered.setdefault(key.flow, []).append(key)
            self.advance(key.flow)

    def cancel(self, key: FlowKey, why: str) -> bool:
        """Ask a flow to stop: it unwinds unless it is past its pivot. False when it has ended."""
        with self.svc.store.database(key.database).alone() as tx:
            known = flow_cancel(tx, key.flow_id, why)
        if known:
            self.advance(key)
        return known

    def signal(self, key: FlowKey, word: str) -> bool:
        """Tell a flow something that one of its steps looks at. False when it has ended."""
        with self.svc.store.database(key.database).write() as tx:
            known = flow_signal(tx, key.flow_id, word)
        if known:
            self.advance(key)
        return known

    def due(self, limit: int = 100) -> list[FlowKey]:
        """Return flows of every database that nobody has and whose time has come."""
        now = self.svc.clock.time()
        found = self.svc.store.fan_out(lambda tx: flows_due(tx, now, limit), self.svc.store.names())
        keys: list[FlowKey] = []
        for name, flows in found.items():
            if isinstance(flows, ComputeError):
                LOG.warning("flows of database %s cannot be looked at: %s", name, flows.message)
                continue
            keys.extend(FlowKey(database=name, flow_id=flow.id) for flow in flows)
        return keys

    def renew(self) -> None:
        """Hold on to what has been in hand for a third of a lease; to be called that often."""
        now = self.svc.clock.time()
        with self._lock:
            aging = [key for key, since in self._held.items() if now - since >= self.timing.lease / 3]
        for key in aging:
            database = self._database(key)
            if database is not None:
                with database.alone() as tx:
                    flow_renew(tx, key.flow_id, self.owner, now + self.timing.lease)

    # What an operator asks for

    def retry(self, key: FlowKey) -> bool:
        """Let a stuck flow go on where it stopped. False when it is not stuck."""
        if not retry_flow(self.svc, key):
            return False
        self.advance(key)
        return True

    # Inside

    def _take(self, key: FlowKey) -> bool:
        with self._lock:
            if key in self._held:
                self._again.add(key)
                return False
            self._held[key] = self.svc.clock.time()
            return True

    def _let_go(self, key: FlowKey) -> bool:
        with self._lock:
            self._held.pop(key, None)
            if key in self._again:
                self._again.discard(key)
                return True
            return False

    def _database(self, key: FlowKey) -> Database | None:
        try:
            return self.svc.store.database(key.database)
        except NotFound:
            LOG.warning("flow %s is of an unknown database %s", key.flow_id, key.database)
            return None

    def _advance_once(self, key: FlowKey) -> list[Begun]:
        """Claim a flow and run it; returns those that it begot for this engine."""
        database = self._database(key)
        if database is None:
            return []
        live = self._claim(database, key)
        answered = self._answered.pop(key, [])
        if live is None:
            return []
        for step in answered:
            self._count(live, step)
        self._run(database, live)
        return live.begun

    def _go_on(self, begun: Begun) -> None:
        """Run a flow that was inserted as this engine's: nobody else takes it while its lease lasts."""
        key, database = begun.key, self._database(begun.key)
        if database is None or not self._take(key):
            return
        try:
            live = Claimed(key, self.flows[begun.flow.kind], begun.flow, (), self.timing.lease)
            live.servers |= begun.rows
            self._run(database, live)
        finally:
            again = self._let_go(key)
        if again:
            self.advance(key)
        for one in live.begun:
            self._go_on(one)

    def _count(self, live: Claimed, step: StepKey) -> None:
        """Count a remote step by its log."""
        row = live.rows.get((step.seq, step.phase))
        if row is not None and row.started_at is not None and row.finished_at is not None:
            seconds = max(0.0, (row.finished_at - row.started_at).total_seconds())
            ok = row.state is StepState.DONE
            self.observer.step_ended(live.record.kind, row.name, row.phase, ok, seconds)

    def _run(self, database: Database, live: Claimed) -> None:
        record = live.record
        asker = Asker(record.request_id, record.global_request_id, record.user_id, record.project_id)
        with bound(asker):
            self._step_by_step(database, live)

    def _step_by_step(self, database: Database, live: Claimed) -> None:
        stepper = stepping.Stepper(self, database, live)
        while live.record.state in UNFINISHED:
            verdict = stepper.next()
            if verdict is stepping.Verdict.PARKED:
                return
            if verdict is stepping.Verdict.STUCK:
                stick(self, database, live, live.last_failure)
            elif verdict is stepping.Verdict.ENDED and not end_flow(self, database, live):
                return

    def _claim(self, database: Database, key: FlowKey) -> Claimed | None:
        now = self.svc.clock.time()
        with database.alone() as tx:
            claimed = flow_claim(tx, key.flow_id, self.owner, now, now + self.timing.lease)
        if claimed is None:
            return None
        record, rows = claimed
        definition = self.flows.get(record.kind)
        if definition is None:
            # A newer release may know the kind: leave it to its conductors.
            LOG.error("flow %s is of the unknown kind %s", record.id, record.kind)
            return None
        return Claimed(key, definition, record, rows, self.timing.lease)

    def wake(self, keys: Iterable[FlowKey]) -> None:
        """Ring for other flows; a lost ring costs a sweep's wait."""
        wanted = tuple(keys)
        if not wanted:
            return
        try:
            self.svc.conductor.wake(wanted)
        except ComputeError as error:
            LOG.debug("doorbell not rung: %s", error.message)

    def ring(self, key: FlowKey) -> None:
        """Have a flow that this engine has in hand looked at once more when it is let go."""
        with self._lock:
            self._again.add(key)

    def timed(self) -> Callable[[], float]:
        """Return a function that tells the seconds since now, by the machine's own clock."""
        began = time.perf_counter()
        return lambda: time.perf_counter() - began


class HoldsStore(Protocol):
    """Anything with a store: `Services`, or an operator's command that has nothing else."""

    @property
    def store(self) -> Store:
        """The databases."""


def retry_flow(svc: HoldsStore, key: FlowKey) -> bool:
    """Make a stuck flow unfinished again, in the direction it was going. False when it is not stuck."""
    with svc.store.database(key.database).write() as tx:
        record = flow_get(tx, key.flow_id)
        if record is None or record.state is not FlowState.STUCK:
            return False
        rows = steps_of(tx, key.flow_id)
        unwinding = any(row.phase is StepPhase.UNDO for row in rows)
        state = FlowState.UNWINDING if unwinding else FlowState.RUNNING
        changed = flow_set_state(tx, key.flow_id, state, seen=FlowState.STUCK, wake_at=0.0)
        if changed:
            stepping.grant_tries(tx, rows)
        return changed


def abandon_flow(svc: HoldsStore, key: FlowKey) -> FlowRecord | None:
    """Give a stuck flow up as failed, without undoing anything more. None when it is not stuck."""
    with svc.store.database(key.database).write() as tx:
        if not flow_set_state(tx, key.flow_id, FlowState.FAILED, seen=FlowState.STUCK):
            return None
        flow_wake_at(tx, key.flow_id)
        return flow_get(tx, key.flow_id)
