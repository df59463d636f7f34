"""The agent's side of live migration: two hosts with work that runs when told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from compute_service.domain.errors import Conflict
from compute_service.domain.flow import StepPhase, StepResult
from compute_service.domain.guest import LiveOffer, LiveReady
from compute_service.domain.states import PowerState
from compute_service.virt.fake import Exchange
from tests.contract.hypervisor.conftest import GUEST, guest_spec
from tests.unit.agent.parts import Bench, NoPlacement, step_key


class Pair:
    """A source that runs the guest, and a target."""

    def __init__(self, tmp_path: Path) -> None:
        exchange = Exchange()
        self.source, self.target = (
            Bench(tmp_path / name, NoPlacement(), name=name, exchange=exchange) for name in ("h1", "h2")
        )
        self.source.driver._latency["live_migrate"] = 100.0
        self.answer(self.source, "spawn", step_key("build"), guest_spec())

    def answer(self, bench: Bench, verb: str, *words: Any) -> StepResult:
        getattr(bench.host.service, verb)(*words)
        bench.stepper.run()
        return bench.conductor.answers[-1][1]

    def ready(self) -> LiveReady:
        told = self.answer(self.source, "live_offer", step_key(seq=1), guest_spec(), None)
        offer = msgspec.convert(told.value, LiveOffer)
        told = self.answer(self.target, "live_prepare", step_key(seq=2), guest_spec(), offer)
        return msgspec.convert(told.value, LiveReady)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_a_guest_goes_over_verb_by_verb(pair: Pair) -> None:
    ready = pair.ready()
    assert ready.host == "h2"
    assert pair.answer(pair.source, "live_migrate", step_key(seq=3), guest_spec(), ready).ok
    built = pair.answer(pair.target, "live_finish", step_key(seq=4), guest_spec())
    assert built.value["power_state"] == PowerState.RUNNING
    left = pair.answer(pair.source, "live_leave", step_key(seq=5), guest_spec(), ready.shared)
    assert left == StepResult(ok=True)
    assert (pair.source.driver.guests(), len(pair.target.driver.guests())) == ([], 1)


def test_progress_is_told_with_the_columns_of_a_migration(pair: Pair) -> None:
    pair.answer(pair.source, "live_migrate", step_key(seq=3), guest_spec(), pair.ready())
    told = pair.source.conductor
    assert told.fractions == pytest.approx([number / 10 for number in range(1, 11)])
    assert told.details[-1]["memory_total"] == told.details[-1]["memory_processed"] == 512 * 1024**2


def test_an_abort_reaches_a_migration_past_the_lane(pair: Pair) -> None:
    ready, service = pair.ready(), pair.source.host.service
    pair.source.host.service.live_migrate(step_key(seq=3), guest_spec(), ready)
    service.power_off(step_key("later"), GUEST, 0)
    sleep = pair.source.clock.sleep
    pair.source.clock.sleep = lambda seconds: (sleep(seconds), service.live_abort(GUEST))[0]
    pair.source.stepper.run()
    results = {key.flow_id: result for key, result in pair.source.conductor.answers}
    failure = results[step_key().flow_id].failure
    assert failure is not None
    assert failure.kind == "Cancelled"
    assert results["later"].ok
    discard = step_key(seq=2, phase=StepPhase.UNDO)
    assert pair.answer(pair.target, "live_discard", discard, guest_spec(), ready.shared).ok
    assert pair.target.driver.facts().local_gb_used == 0


def test_a_forced_migration_takes_no_more_time(pair: Pair) -> None:
    ready, service = pair.ready(), pair.source.host.service
    sleep = pair.source.clock.sleep
    pair.source.clock.sleep = lambda seconds: (sleep(seconds), service.live_force(GUEST))[0]
    assert pair.answer(pair.source, "live_migrate", step_key(seq=3), guest_spec(), ready).ok
    assert pair.source.clock.slept == [10.0]


def test_without_a_migration_abort_and_force_are_refused(pair: Pair) -> None:
    for ask in (pair.source.host.service.live_abort, pair.source.host.service.live_force):
        with pytest.raises(Conflict):
            ask(GUEST)


def test_an_agent_killed_after_the_guest_went_over_finds_that_out(pair: Pair) -> None:
    ready = pair.ready()
    pair.source.host.service._parts.journal.begin(step_key(seq=3))
    pair.source.driver.live_migrate(guest_spec(), ready, lambda _: None)
    pair.source.restart()
    slept = len(pair.source.clock.slept)
    assert pair.answer(pair.source, "live_migrate", step_key(seq=3), guest_spec(), ready).ok
    assert len(pair.source.clock.slept) == slept


def test_a_target_that_is_surprised_is_rejected_for_another(pair: Pair) -> None:
    pair.target.driver.faults.add("live_prepare", ZeroDivisionError("a bug"))
    told = pair.answer(pair.target, "live_prepare", step_key(seq=2), guest_spec(), LiveOffer(source="h1"))
    assert told.failure is not None
    assert told.failure.kind == "HostRejected"
