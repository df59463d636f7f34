"""What placement answered a moment ago serves those who ask the same, and never in place of the truth."""

from __future__ import annotations

from collections import Counter

import pytest

from compute_service.domain.errors import Unavailable
from compute_service.domain.group import ServerGroup
from compute_service.domain.request import Decision
from compute_service.ports.placement import CandidateQuery, Candidates, ConsumerAllocations
from tests.unit.scheduler.world import PROJECT, SMALL, World, named, node, order, settings_with, world

BY_MEMORY = settings_with(weight_classes=("RAMWeigher",))


def host_of(decision: Decision) -> str:
    [selection] = decision.selections
    return selection.claim.host


def claim_elsewhere(some: World, host: str, vcpus: int, consumer: str = "another scheduler's") -> None:
    """Let somebody else take resources of a host."""
    some.placement.claim_many(
        (
            ConsumerAllocations(
                consumer=named(consumer),
                project_id=PROJECT,
                user_id="u",
                allocations={named(host): {"VCPU": vcpus, "MEMORY_MB": 512, "DISK_GB": 1}},
            ),
        )
    )


def test_requests_in_quick_succession_ask_placement_once() -> None:
    some = world([node("a"), node("b"), node("c")])
    for _ in range(9):
        assert some.selector.select(order()).selections
    assert some.placement.calls == Counter(candidates=1, claim_many=9)
    assert [some.placement.used(named(host), "VCPU") for host in "abc"] == [3, 3, 3]


def test_another_question_is_asked_by_itself() -> None:
    some = world([node("a")])
    some.selector.select(order())
    some.selector.select(order(flavor=SMALL.replace(vcpus=2)))
    assert some.placement.calls["candidates"] == 2


def test_an_answer_from_before_a_change_is_not_used() -> None:
    some = world([node("a")])
    some.selector.select(order())
    some.hosts.changes += 1
    some.selector.select(order())
    some.selector.select(order())
    assert some.placement.calls["candidates"] == 2


def test_an_answer_is_believed_for_a_second() -> None:
    some = world([node("a")])
    some.selector.select(order())
    some.clock.advance(1.0)
    some.selector.select(order())
    assert some.placement.calls["candidates"] == 2


@pytest.mark.parametrize(("took", "stands"), [(0.01, 1.0), (0.05, 2.5), (3.0, 5.0)])
def test_an_answer_that_was_dear_is_believed_for_longer(
    took: float, stands: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = world([node("a")])
    answer = some.placement.candidates

    def slowly(query: CandidateQuery) -> Candidates:
        some.clock.advance(took)
        return answer(query)

    monkeypatch.setattr(some.placement, "candidates", slowly)
    began = some.clock.time()
    some.selector.select(order())
    some.clock.advance(max(0.0, began + stands - 0.05 - some.clock.time()))
    some.selector.select(order())
    assert some.placement.calls["candidates"] == 1
    some.clock.advance(began + stands - some.clock.time())
    some.selector.select(order())
    assert some.placement.calls["candidates"] == 2


def test_what_was_picked_since_the_answer_counts() -> None:
    some = world([node("best", vcpus=1, memory_mb=10**6), node("good", vcpus=2)], BY_MEMORY)
    assert [host_of(some.selector.select(order())) for _ in range(2)] == ["best", "good"]
    assert some.placement.calls == Counter(candidates=1, claim_many=2)


def test_a_host_that_others_filled_since_is_left_for_one_that_has_room() -> None:
    some = world([node("best", vcpus=2, memory_mb=10**6), node("good", vcpus=2)], BY_MEMORY)
    assert host_of(some.selector.select(order())) == "best"
    claim_elsewhere(some, "best", 1)
    assert host_of(some.selector.select(order())) == "good"
    assert some.placement.calls["candidates"] == 2


def test_room_that_was_made_since_is_found() -> None:
    some = world([node("only", vcpus=1)])
    first = order()
    some.selector.select(first)
    some.placement.release(first.consumers[0])
    assert host_of(some.selector.select(order())) == "only"


def test_no_host_is_refused_on_an_old_answer() -> None:
    """Others leave the filters nothing of what was offered a moment ago."""
    some = world([node("a", vcpus=1), node("b", vcpus=1)])
    first = order()
    taken = host_of(some.selector.select(first))
    group = ServerGroup(uuid="g", project_id=PROJECT, user_id="u", name="g", policy="anti-affinity")
    [other] = {"a", "b"} - {taken}
    some.hosts.groups = {"g": {"member": other}}
    some.hosts.servers = {"member": other}
    some.placement.release(first.consumers[0])
    assert host_of(some.selector.select(order(group=group))) == taken


def test_an_answer_without_hosts_is_not_kept() -> None:
    some = world([node("a", vcpus=0)])
    some.selector.select(order())
    asked = some.placement.calls["candidates"]
    some.selector.select(order())
    assert some.placement.calls["candidates"] > asked
    assert not some.selector._ledger._open


def test_a_question_that_failed_leaves_nothing_behind() -> None:
    some = world([node("a")])
    some.placement.fail_next("candidates", Unavailable("placement is away"))
    with pytest.raises(Unavailable):
        some.selector.select(order())
    assert not some.selector._ledger._open
    assert some.selector.select(order()).selections
