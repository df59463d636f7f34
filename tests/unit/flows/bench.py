"""A bench for the engine: a store on SQLite, a clock moved by hand, and an agent that only remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from compute_service.config.settings import Settings
from compute_service.control.services import Services
from compute_service.domain.flow import FlowKey, FlowRecord, StepKey, StepRecord, StepResult
from compute_service.domain.record import Record
from compute_service.flows.engine import Engine, Timing
from compute_service.flows.step import Flow, Run
from compute_service.flows.submit import new_flow, submit
from compute_service.store.engine import Store
from compute_service.store.flows import flow_get, steps_of
from tests.fakes.clock import ManualClock


class Params(Record):
    """What the flows of these tests are told."""

    word: str = "a"


class Word(Record):
    """What their steps return."""

    word: str


@dataclass
class FakeAgent:
    """Remembers what it was sent."""

    sent: list[tuple[str, StepKey]] = field(default_factory=list)

    def pause(self, key: StepKey, uuid: str) -> None:
        """Remember a do."""
        self.sent.append(("do", key))

    def unpause(self, key: StepKey, uuid: str) -> None:
        """Remember an undo."""
        self.sent.append(("undo", key))

    def revoke(self, key: StepKey, uuid: str) -> None:
        """Remember that a step is not wanted any more."""
        self.sent.append(("revoke", key))


class Bells:
    """Rings the engines of the bench when told to."""

    def __init__(self) -> None:
        self.rung: list[FlowKey] = []

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        """Remember a ring."""
        self.rung.extend(keys)


class Bench:
    """Everything a flow needs in a test."""

    def __init__(self, store: Store, clock: ManualClock, flows: Mapping[str, Flow]) -> None:
        self.store, self.clock, self.flows = store, clock, flows
        self.agent, self.bells = FakeAgent(), Bells()
        self.up = True
        self.done: list[str] = []
        self.svc = Services(
            store=store,
            clock=clock,
            notify=cast(Any, None),
            conductor=cast(Any, self.bells),
            scheduler=cast(Any, None),
            agent=lambda cell, host: cast(Any, self.agent),
            identity=cast(Any, None),
            images=cast(Any, None),
            network=cast(Any, None),
            placement=cast(Any, None),
            settings=Settings(),
        )
        self.engine = self.another("one")

    def another(self, owner: str, timing: Timing | None = None) -> Engine:
        """Return one more engine over the same log."""
        return Engine(self.svc, self.flows, owner, timing=timing, host_up=lambda cell, host: self.up)

    def submit(self, kind: str, after: FlowKey | None = None) -> FlowKey:
        """Log a flow in the API database."""
        with self.store.api.write() as tx:
            return submit(tx, new_flow(kind, Params(), after=after.flow_id if after else None))

    def flow(self, key: FlowKey) -> FlowRecord:
        """Return a flow as logged."""
        with self.store.api.read() as tx:
            found = flow_get(tx, key.flow_id)
        assert found is not None
        return found

    def steps(self, key: FlowKey) -> list[StepRecord]:
        """Return its steps as logged."""
        with self.store.api.read() as tx:
            return steps_of(tx, key.flow_id)

    def sweep(self) -> None:
        """Advance what is due, as a conductor does."""
        for key in self.engine.due():
            self.engine.advance(key)

    def answer(self, ok: bool = True, **value: Any) -> None:
        """Answer the latest message."""
        self.engine.finished(self.agent.sent[-1][1], StepResult(ok=ok, value=value))


def noting(
    log: list[str], word: str, fail: Callable[[], Exception | None] = lambda: None
) -> Callable[[Run[Any]], Word]:
    """Return a step function that notes its word and may fail afterwards, half done."""

    def do(run: Run[Any]) -> Word:
        log.append(word)
        error = fail()
        if error is not None:
            raise error
        return Word(word=word)

    return do


def taking_back(log: list[str], word: str) -> Callable[[Run[Any]], None]:
    """Return an undo that notes it."""

    def undo(run: Run[Any]) -> None:
        log.append(f"-{word}")

    return undo
