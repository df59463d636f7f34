from __future__ import annotations

import threading

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.placement import FakePlacement
from compute_service.domain.errors import Conflict, Unavailable
from compute_service.domain.host import ResourceInventory
from compute_service.ports.placement import ConsumerAllocations, Provider


@pytest.fixture
def placement() -> FakePlacement:
    inventory = {"VCPU": ResourceInventory(total=100, max_unit=100)}
    return FakePlacement([Provider(uuid="r", name="r", inventories=inventory)])


def claim(consumer: str) -> tuple[ConsumerAllocations, ...]:
    return (
        ConsumerAllocations(consumer=consumer, project_id="p", user_id="u", allocations={"r": {"VCPU": 1}}),
    )


def test_the_next_calls_fail_as_ordered(placement: FakePlacement) -> None:
    placement.fail_next("claim_many", Unavailable("away"), times=2)
    placement.fail_next("claim_many", Conflict("lost"))
    for error in (Unavailable, Unavailable, Conflict):
        with pytest.raises(error):
            placement.claim_many(claim("c"))
    placement.claim_many(claim("c"))
    assert placement.calls["claim_many"] == 4


def test_a_failure_before_has_no_effect_and_one_after_has(placement: FakePlacement) -> None:
    placement.fail_next("claim_many", Unavailable("away"))
    with pytest.raises(Unavailable):
        placement.claim_many(claim("c"))
    assert placement.allocations_by_consumer == {}
    placement.fail_next("claim_many", Unavailable("answer lost"), after=True)
    with pytest.raises(Unavailable):
        placement.claim_many(claim("c"))
    assert placement.allocations_by_consumer == {"c": {"r": {"VCPU": 1}}}


def test_other_verbs_are_not_touched(placement: FakePlacement) -> None:
    placement.fail_next("release", Unavailable("away"))
    placement.claim_many(claim("c"))
    assert placement.allocations("c") is not None


def test_a_verb_that_does_not_exist_is_told_of() -> None:
    with pytest.raises(AttributeError):
        FakeNetwork().fail_next("take", Unavailable("away"))


def test_claims_of_many_threads_never_exceed_the_capacity(placement: FakePlacement) -> None:
    taken: list[str] = []
    start = threading.Barrier(8)

    def work(name: int) -> None:
        start.wait(5)
        for number in range(20):
            try:
                placement.claim_many(claim(f"{name}-{number}"))
            except Conflict:
                continue
            taken.append(f"{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(taken) == placement.used("r", "VCPU") == 100
    assert set(placement.allocations_by_consumer) == set(taken)
