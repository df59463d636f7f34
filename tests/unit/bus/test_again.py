"""A scheduler that died over a question costs seconds, not the whole wait for an answer."""

from __future__ import annotations

import threading

import pytest

from compute_service.bus.again import AskedAgain, waits
from compute_service.bus.local import LocalBus
from compute_service.domain.errors import Conflict, Timeout
from compute_service.domain.flavor import Flavor
from compute_service.domain.protocol import Scheduler
from compute_service.domain.request import Decision, PlacementRequest, SelectRequest

FLAVOR = Flavor(flavorid="1", name="small", vcpus=1, memory_mb=512, root_gb=1)
ORDER = SelectRequest(
    request=PlacementRequest(project_id="p", user_id="u", flavor=FLAVOR),
    consumers=("s",),
)
ANSWER = Decision(message="it is full")


@pytest.mark.parametrize("total", [0.5, 1.0, 4.0, 20.0, 60.0, 300.0])
def test_the_waits_are_together_as_long_as_one_would_be(total: float) -> None:
    parts = waits(total)
    assert sum(parts) == pytest.approx(total)
    assert all(part > 0 for part in parts)


def test_the_first_wait_is_short_and_the_last_one_long() -> None:
    assert waits(60.0) == (5.0, 10.0, 20.0, 25.0)
    assert waits(20.0) == (5.0, 15.0)
    assert waits(2.0) == (2.0,)


class Dying:
    """A scheduler that never answers its first questions."""

    def __init__(self, unanswered: int, end: threading.Event) -> None:
        self.asked: list[SelectRequest] = []
        self._unanswered, self._end = unanswered, end

    def select(self, request: SelectRequest) -> Decision:
        self.asked.append(request)
        if len(self.asked) <= self._unanswered:
            self._end.wait(60)
        return ANSWER


def asked_again(bus: LocalBus, *seconds: float) -> AskedAgain:
    return AskedAgain([bus.client(Scheduler, "scheduler", timeout=one) for one in seconds])  # type: ignore[type-abstract]


def test_a_question_that_died_with_its_scheduler_is_asked_again() -> None:
    bus, end = LocalBus(timeout=600.0), threading.Event()
    scheduler = Dying(2, end)
    bus.serve(Scheduler, "scheduler", "one", scheduler)
    try:
        assert asked_again(bus, 0.1, 0.1, 60.0).select(ORDER) == ANSWER
        assert scheduler.asked == [ORDER] * 3
    finally:
        end.set()
        bus.close()


def test_a_scheduler_that_never_answers_is_given_up() -> None:
    bus, end = LocalBus(timeout=600.0), threading.Event()
    scheduler = Dying(9, end)
    bus.serve(Scheduler, "scheduler", "one", scheduler)
    try:
        with pytest.raises(Timeout):
            asked_again(bus, 0.05, 0.05).select(ORDER)
        assert len(scheduler.asked) == 2
    finally:
        end.set()
        bus.close()


def test_a_refusal_is_an_answer() -> None:
    class Refusing:
        asked = 0

        def select(self, request: SelectRequest) -> Decision:
            self.asked += 1
            raise Conflict("it holds something else")

    bus, scheduler = LocalBus(), Refusing()
    bus.serve(Scheduler, "scheduler", "one", scheduler)
    try:
        with pytest.raises(Conflict):
            asked_again(bus, 30.0, 30.0).select(ORDER)
        assert scheduler.asked == 1
    finally:
        bus.close()
