"""The engine, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from compute_service.domain.errors import Invalid, Unavailable
from compute_service.domain.flow import Failure, FlowKey, FlowState, StepPhase, StepResult, StepState
from compute_service.domain.protocol import ComputeAgent
from compute_service.flows.engine import Timing, abandon_flow, retry_flow
from compute_service.flows.step import Flow, Remote, Run, Step, Wait
from compute_service.flows.submit import new_flow, submit
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import make_store
from tests.unit.flows.bench import Bench, Params, Word, noting, taking_back


class Scene:
    """The flows of these tests, and knobs to make them fail."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.errors: dict[str, list[Exception]] = {}
        self.ready: Word | None = None

    def step(self, word: str, **more: Any) -> Step:
        return Step(word, self.noting(word), self.undoing(word), Word, **more)

    def noting(self, word: str) -> Any:
        return noting(self.log, word, lambda: self.errors[word].pop(0) if self.errors.get(word) else None)

    def undoing(self, word: str) -> Any:
        back = taking_back(self.log, word)

        def undo(run: Run[Any]) -> None:
            back(run)
            if self.errors.get(f"-{word}"):
                raise self.errors[f"-{word}"].pop(0)

        return undo

    def remote(self, **more: Any) -> Remote:
        def send(run: Run[Any], agent: ComputeAgent, key: Any) -> None:
            agent.pause(key, run.params.word)

        def undo(run: Run[Any], agent: ComputeAgent, key: Any) -> None:
            agent.unpause(key, run.params.word)

        more = {"undo": undo, **more}
        return Remote("remote", lambda run: ("api", "h1"), send, output=Word, deadline=100.0, **more)

    def flows(self) -> dict[str, Flow]:
        def failed(run: Run[Any], failure: Failure) -> None:
            self.log.append(f"failed:{failure.kind}")

        def done(run: Run[Any]) -> None:
            self.log.append("done")
            if self.errors.get("done"):
                raise self.errors["done"].pop(0)

        def make(kind: str, *steps: Any) -> Flow:
            return Flow(kind, Params, steps, on_done=done, on_failed=failed)

        wait = Wait("wait", lambda run: self.ready, Word, deadline=50.0, undo=self.undoing("wait"))
        return {
            "local": make("local", self.step("a"), self.step("b"), self.step("c")),
            "remote": make("remote", self.step("a"), self.remote(), self.step("c")),
            "pivot": make("pivot", self.step("a"), self.step("b", pivot=True), self.step("c"), self.remote()),
            "wait": make("wait", self.step("a"), wait),
            "no way back": make("no way back", self.step("a"), self.remote(undo=None)),
            "asked": make("asked", self.step("a"), self.remote(undo=None, pivot=True)),
        }


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def bench(scene: Scene) -> Iterator[Bench]:
    clock = ManualClock()
    store = make_store(lambda: "sqlite://", clock.now)
    yield Bench(store, clock, scene.flows())
    store.close()


def run(bench: Bench, kind: str) -> FlowKey:
    key = bench.submit(kind)
    bench.engine.advance(key)
    return key


def test_steps_run_in_order_and_the_flow_is_done(bench: Bench, scene: Scene) -> None:
    key = run(bench, "local")
    assert scene.log == ["a", "b", "c", "done"]
    assert bench.flow(key).state is FlowState.DONE
    assert bench.flow(key).finished_at is not None
    assert [s.output for s in bench.steps(key)] == [{"word": w} for w in "abc"]


def test_a_failed_step_is_taken_back_with_all_before_it(bench: Bench, scene: Scene) -> None:
    scene.errors["b"] = [Invalid("no")]
    key = run(bench, "local")
    assert scene.log == ["a", "b", "-b", "-a", "failed:Invalid"]
    assert bench.flow(key).state is FlowState.FAILED
    assert bench.flow(key).error == Failure(kind="Invalid", message="no")


def test_what_may_pass_by_itself_is_tried_again_after_a_pause(bench: Bench, scene: Scene) -> None:
    scene.errors["b"] = [Unavailable("down"), Unavailable("down")]
    key = run(bench, "local")
    assert scene.log == ["a", "b"]
    bench.sweep()
    assert scene.log == ["a", "b"]
    for _ in range(2):
        bench.clock.advance(3)
        bench.sweep()
    assert scene.log == ["a", "b", "b", "b", "c", "done"]
    assert bench.flow(key).state is FlowState.DONE


def test_tries_are_bounded(bench: Bench, scene: Scene) -> None:
    scene.errors["b"] = [Unavailable("down")] * 10
    key = run(bench, "local")
    for _ in range(10):
        bench.clock.advance(60)
        bench.sweep()
    assert scene.log.count("b") == 4
    assert bench.flow(key).state is FlowState.FAILED


def test_a_crash_between_two_steps_repeats_one_step_at_most(bench: Bench, scene: Scene) -> None:
    class Crash(BaseException):
        pass

    scene.errors["b"] = [Crash()]  # type: ignore[list-item]
    key = bench.submit("local")
    with pytest.raises(Crash):
        bench.engine.advance(key)
    other = bench.another("two")
    other.advance(key)
    assert scene.log == ["a", "b"], "the lease still holds"
    bench.clock.advance(31)
    other.advance(key)
    assert scene.log == ["a", "b", "b", "c", "done"]


def test_a_remote_step_parks_and_goes_on_with_its_answer(bench: Bench, scene: Scene) -> None:
    key = run(bench, "remote")
    assert scene.log == ["a"]
    assert [what for what, _ in bench.agent.sent] == ["do"]
    assert bench.flow(key).owner is None
    bench.answer(word="hello")
    assert scene.log == ["a", "c", "done"]
    assert bench.steps(key)[1].output == {"word": "hello"}
    assert bench.steps(key)[1].host == "h1"


def test_an_answer_that_comes_twice_changes_nothing(bench: Bench, scene: Scene) -> None:
    run(bench, "remote")
    bench.answer(word="x")
    bench.answer(word="y")
    bench.answer(ok=False)
    assert scene.log == ["a", "c", "done"]


def test_an_unanswered_message_goes_out_again_until_the_deadline(bench: Bench, scene: Scene) -> None:
    key = run(bench, "remote")
    for _ in range(Timing().tries + 10):
        bench.clock.advance(5)
        bench.sweep()
        if bench.flow(key).state is not FlowState.RUNNING:
            break
    what = [w for w, _ in bench.agent.sent]
    assert 3 <= what.count("do") <= 6
    assert what[-1] == "undo"
    assert {k.attempt for w, k in bench.agent.sent if w == "do"} == {0}
    bench.answer()
    assert scene.log == ["a", "-a", "failed:Timeout"]


def test_a_failed_answer_unwinds_on_the_host_too(bench: Bench, scene: Scene) -> None:
    key = run(bench, "remote")
    failure = Failure(kind="HostRejected", message="full")
    bench.engine.finished(bench.agent.sent[-1][1], StepResult(ok=False, failure=failure))
    assert [w for w, _ in bench.agent.sent] == ["do", "undo"]
    bench.answer()
    assert scene.log == ["a", "-a", "failed:HostRejected"]
    assert bench.flow(key).error == failure


def test_a_host_that_is_down_fails_the_step_and_is_passed_over_when_unwinding(
    bench: Bench, scene: Scene
) -> None:
    key = run(bench, "remote")
    bench.up = False
    bench.clock.advance(21)
    bench.sweep()
    assert bench.flow(key).state is FlowState.FAILED
    assert scene.log == ["a", "-a", "failed:Unavailable"]


def test_a_step_that_a_host_never_answered_is_revoked_where_it_has_no_undo(
    bench: Bench, scene: Scene
) -> None:
    key = run(bench, "no way back")
    bench.engine.cancel(key, "deleted")
    assert [what for what, _ in bench.agent.sent] == ["do", "revoke"]
    assert bench.flow(key).state is FlowState.UNWINDING
    bench.answer()
    assert scene.log == ["a", "-a", "failed:Cancelled"]


def test_a_step_that_its_host_refused_needs_no_revoking(bench: Bench, scene: Scene) -> None:
    run(bench, "no way back")
    failure = Failure(kind="HostRejected", message="full")
    bench.engine.finished(bench.agent.sent[-1][1], StepResult(ok=False, failure=failure))
    assert [what for what, _ in bench.agent.sent] == ["do"]
    assert scene.log == ["a", "-a", "failed:HostRejected"]


def test_a_pivot_that_its_host_was_asked_for_is_not_turned_back_from(bench: Bench, scene: Scene) -> None:
    key = run(bench, "asked")
    bench.engine.cancel(key, "deleted")
    bench.up = False
    for _ in range(60):
        bench.clock.advance(61)
        bench.sweep()
    assert bench.flow(key).state is FlowState.RUNNING
    bench.up = True
    bench.clock.advance(61)
    bench.sweep()
    bench.answer(word="x")
    assert scene.log == ["a", "done"]


def test_a_pivot_that_its_host_refused_is_turned_back_from(bench: Bench, scene: Scene) -> None:
    run(bench, "asked")
    failure = Failure(kind="HostRejected", message="no")
    bench.engine.finished(bench.agent.sent[-1][1], StepResult(ok=False, failure=failure))
    assert scene.log == ["a", "-a", "failed:HostRejected"]


def test_what_may_pass_by_itself_is_waited_for_longer_than_what_may_not(bench: Bench, scene: Scene) -> None:
    scene.errors["b"] = [Invalid("no")]
    scene.errors["-a"] = [Unavailable("away")] * 1000
    key = run(bench, "local")
    for _ in range(100):
        bench.clock.advance(61)
        bench.sweep()
    assert bench.flow(key).state is FlowState.UNWINDING
    for _ in range(400):
        bench.clock.advance(61)
        bench.sweep()
    assert bench.flow(key).state is FlowState.STUCK


def test_a_cancelled_flow_unwinds(bench: Bench, scene: Scene) -> None:
    key = run(bench, "remote")
    assert bench.engine.cancel(key, "deleted")
    bench.answer()
    assert scene.log == ["a", "-a", "failed:Cancelled"]


def test_a_cancel_behind_the_pivot_comes_too_late(bench: Bench, scene: Scene) -> None:
    key = run(bench, "pivot")
    bench.engine.cancel(key, "deleted")
    bench.answer(word="x")
    assert scene.log == ["a", "b", "c", "done"]


def test_behind_the_pivot_failures_are_retried_forward_and_then_it_is_stuck(
    bench: Bench, scene: Scene
) -> None:
    scene.errors["c"] = [Invalid("never")] * 100
    key = run(bench, "pivot")
    for _ in range(Timing().tries + 10):
        bench.clock.advance(61)
        bench.sweep()
    assert bench.flow(key).state is FlowState.STUCK
    assert scene.log.count("c") == Timing().tries
    scene.errors["c"] = []
    assert retry_flow(bench.svc, key)
    bench.engine.advance(key)
    bench.answer(word="x")
    assert bench.flow(key).state is FlowState.DONE


def test_an_undo_that_fails_is_repeated(bench: Bench, scene: Scene) -> None:
    scene.errors["b"] = [Invalid("no")]
    scene.errors["-a"] = [Invalid("not yet"), Invalid("not yet")]
    key = run(bench, "local")
    for _ in range(4):
        bench.clock.advance(61)
        bench.sweep()
    assert scene.log == ["a", "b", "-b", "-a", "-a", "-a", "failed:Invalid"]
    assert bench.flow(key).state is FlowState.FAILED


def test_an_undo_that_never_succeeds_leaves_a_stuck_flow_that_can_be_abandoned(
    bench: Bench, scene: Scene
) -> None:
    scene.errors["b"] = [Invalid("no")]
    scene.errors["-a"] = [Invalid("never")] * 100
    key = run(bench, "local")
    for _ in range(Timing().tries + 10):
        bench.clock.advance(61)
        bench.sweep()
    assert bench.flow(key).state is FlowState.STUCK
    abandoned = abandon_flow(bench.svc, key)
    assert abandoned is not None
    assert abandoned.state is FlowState.FAILED


def test_the_last_word_is_said_until_it_is_heard(bench: Bench, scene: Scene) -> None:
    scene.errors["done"] = [Unavailable("x"), Invalid("y")]
    key = run(bench, "local")
    for _ in range(3):
        bench.clock.advance(10)
        bench.sweep()
    assert scene.log == ["a", "b", "c", "done", "done", "done"]
    assert bench.flow(key).state is FlowState.DONE


def test_a_flow_behind_another_waits_for_it(bench: Bench, scene: Scene) -> None:
    first = run(bench, "remote")
    second = bench.submit("local", after=first)
    bench.engine.advance(second)
    assert scene.log == ["a"]
    bench.answer(word="x")
    assert bench.bells.rung == [second]
    bench.engine.advance(second)
    assert scene.log == ["a", "c", "done", "a", "b", "c", "done"]


def test_a_wait_looks_until_it_sees(bench: Bench, scene: Scene) -> None:
    key = run(bench, "wait")
    bench.clock.advance(6)
    bench.sweep()
    assert bench.flow(key).state is FlowState.RUNNING
    scene.ready = Word(word="there")
    bench.engine.advance(key)
    assert bench.flow(key).state is FlowState.DONE


def test_a_wait_has_an_end(bench: Bench, scene: Scene) -> None:
    key = run(bench, "wait")
    for _ in range(12):
        bench.clock.advance(6)
        bench.sweep()
    assert bench.flow(key).state is FlowState.FAILED
    assert scene.log == ["a", "-wait", "-a", "failed:Timeout"]


def test_a_cancel_that_comes_while_the_flow_is_in_hand_is_heard_at_once(bench: Bench, scene: Scene) -> None:
    other = bench.another("two")
    flow: dict[str, FlowKey] = {}

    def cancel_in_between(run_: Run[Any]) -> Word:
        other.cancel(run_.key, "deleted")
        return Word(word="a")

    flows = scene.flows()
    remote = flows["remote"]
    flows["remote"] = Flow(
        "remote",
        Params,
        (Step("a", cancel_in_between, scene.undoing("a"), Word), *remote.steps[1:]),
        on_failed=remote.on_failed,
    )
    bench.engine.flows = flows
    flow["key"] = run(bench, "remote")
    bench.sweep()
    bench.answer()
    assert bench.flow(flow["key"]).state is FlowState.FAILED


def test_a_long_step_keeps_its_lease(bench: Bench, scene: Scene) -> None:
    other = bench.another("two")

    def slow(run_: Run[Any]) -> Word:
        for _ in range(6):
            bench.clock.advance(11)
            bench.engine.renew()
        other.advance(run_.key)
        scene.log.append("slow")
        return Word(word="slow")

    bench.engine.flows = other.flows = {"local": Flow("local", Params, (Step("slow", slow, None, Word),))}
    key = run(bench, "local")
    assert scene.log == ["slow"]
    assert bench.flow(key).state is FlowState.DONE


def test_an_unknown_kind_is_left_to_others(bench: Bench) -> None:
    with bench.store.api.write() as tx:
        key = submit(tx, new_flow("from the future", Params()))
    bench.engine.advance(key)
    assert bench.flow(key).state is FlowState.RUNNING


def test_a_boot_of_three_steps_costs_few_statements(bench: Bench) -> None:
    before = bench.store.api.statements
    run(bench, "local")
    # claim, flow, steps; one a step; close and who waits.
    assert bench.store.api.statements - before <= 1 + 3 + 3 + 2


def test_the_phase_and_state_of_each_step_are_logged(bench: Bench, scene: Scene) -> None:
    scene.errors["b"] = [Invalid("no")]
    key = run(bench, "local")
    logged = [(s.name, s.phase, s.state) for s in bench.steps(key)]
    assert logged == [
        ("a", StepPhase.DO, StepState.DONE),
        ("a", StepPhase.UNDO, StepState.DONE),
        ("b", StepPhase.DO, StepState.FAILED),
        ("b", StepPhase.UNDO, StepState.DONE),
    ]
