"""Bugs on purpose, one at a time: each breaks a rule of the engine, and the simulation must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from compute_service.agent.journal import Begun, Journal
from compute_service.agent.journal import Verdict as JournalVerdict
from compute_service.domain.flow import FlowState, StepPhase
from compute_service.flows import engine
from compute_service.flows.claimed import Claimed
from compute_service.flows.stepping import Stepper, Verdict


def _undo_only_what_is_logged() -> Any:
    def to_undo(self: Claimed) -> int | None:
        for seq in reversed(range(self.frontier)):
            if not self.is_done(seq, StepPhase.UNDO) and self._has_undo(seq):
                return seq
        return None

    return patch.object(Claimed, "to_undo", property(to_undo))


def _take_flows_that_others_have() -> Any:
    claim = engine.flow_claim

    def greedy(tx: Any, flow_id: str, owner: str, now: float, until: float) -> Any:
        return claim(tx, flow_id, owner, now + 1e9, until)

    due = engine.flows_due

    def all_of_them(tx: Any, now: float, limit: int = 100) -> Any:
        return due(tx, now + 1e9, limit)

    both = ExitStack()
    both.enter_context(patch.object(engine, "flow_claim", greedy))
    both.enter_context(patch.object(engine, "flows_due", all_of_them))
    return both


def _run_what_was_overtaken() -> Any:
    return patch.object(Journal, "_overtaken", lambda self, key: False)


def _turn_back_behind_the_pivot() -> Any:
    return patch.object(Claimed, "is_past_pivot", property(lambda self: False))


def _do_not_wait_for_the_one_before() -> Any:
    def at_once(self: Stepper) -> Verdict:
        return self._move(FlowState.RUNNING, None)

    return patch.object(Stepper, "_wait_turn", at_once)


def _log_before_doing() -> Any:
    begin = Stepper._begin

    def hasty(self: Stepper, seq: int, phase: StepPhase, attempt: int) -> Verdict:
        from compute_service.domain.flow import StepState
        from compute_service.flows.step import Step

        if isinstance(self._live.steps[seq], Step):
            with self._database.write() as tx:
                from compute_service.store.flows import step_start

                step_start(tx, self._row(seq, phase, attempt, StepState.DONE))
        return begin(self, seq, phase, attempt)

    return patch.object(Stepper, "_begin", hasty)


def _do_again_what_comes_again() -> Any:
    return patch.object(Journal, "begin", lambda self, key: Begun(verdict=JournalVerdict.RUN))


PLANTS: dict[str, Callable[[], Any]] = {
    "undo only what is logged": _undo_only_what_is_logged,
    "take flows that others have": _take_flows_that_others_have,
    "run what was overtaken": _run_what_was_overtaken,
    "turn back behind the pivot": _turn_back_behind_the_pivot,
    "do not wait for the one before": _do_not_wait_for_the_one_before,
    "log before doing": _log_before_doing,
    "do again what comes again": _do_again_what_comes_again,
}


@contextmanager
def planted(name: str | None, plants: Mapping[str, Callable[[], Any]] = PLANTS) -> Iterator[None]:
    """Have a bug for a while."""
    if name is None:
        yield
        return
    with plants[name]():
        yield
