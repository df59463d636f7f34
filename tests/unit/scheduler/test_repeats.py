"""A question that is asked again costs no second choice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from compute_service.domain.errors import Conflict
from compute_service.domain.request import Decision, Selection, SelectRequest
from compute_service.scheduler.claims import claim_of
from compute_service.scheduler.repeats import KEPT_SECONDS, Repeats
from tests.unit.scheduler.world import node, order, world

REFUSED = Decision(message="there is no room")


class Chooser:
    """Counts what it is asked, and answers each time something else."""

    def __init__(self, *answers: Decision | Exception) -> None:
        self.asked: list[SelectRequest] = []
        self._answers = list(answers)

    def __call__(self, request: SelectRequest) -> Decision:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def chosen() -> Decision:
    (host,) = world([node("a")]).selector._snapshot.fleet().hosts.values()
    return Decision(selections=(Selection(claim=claim_of("s", host, {})),))


def test_a_choice_that_was_just_made_is_told_again(chosen: Decision) -> None:
    now = [0.0]
    repeats, choose, asked = Repeats(lambda: now[0]), Chooser(chosen, REFUSED), order()
    assert repeats.answer(asked, choose) is chosen
    now[0] = KEPT_SECONDS - 1
    assert repeats.answer(asked, choose) is chosen
    now[0] = 2 * KEPT_SECONDS
    assert repeats.answer(asked, choose) is REFUSED
    assert len(choose.asked) == 2


def test_a_refusal_and_a_failure_are_not_remembered(chosen: Decision) -> None:
    repeats, choose, asked = Repeats(), Chooser(REFUSED, Conflict("no"), chosen), order()
    assert repeats.answer(asked, choose) is REFUSED
    with pytest.raises(Conflict):
        repeats.answer(asked, choose)
    assert repeats.answer(asked, choose) is chosen


def test_another_question_for_the_same_server_is_another_question(chosen: Decision) -> None:
    repeats, choose, asked = Repeats(), Chooser(chosen, REFUSED, REFUSED), order()
    repeats.answer(asked, choose)
    other = asked.replace(request=asked.request.replace(ignore_hosts=("a",)))
    assert repeats.answer(other, choose) is REFUSED
    check = asked.replace(request=asked.request.replace(rebuild=True))
    assert repeats.answer(check, choose) is REFUSED
    assert len(choose.asked) == 3


def test_those_who_ask_meanwhile_wait_for_the_one_answer(chosen: Decision) -> None:
    repeats, asked, begun, go = Repeats(), order(), threading.Event(), threading.Event()
    calls: list[SelectRequest] = []

    def choose(request: SelectRequest) -> Decision:
        calls.append(request)
        begun.set()
        go.wait(60)
        return chosen

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(repeats.answer, asked, choose)
        assert begun.wait(60)
        others = [pool.submit(repeats.answer, asked, choose) for _ in range(3)]
        go.set()
        assert [one.result(60) for one in (first, *others)] == [chosen] * 4
    assert calls == [asked]
