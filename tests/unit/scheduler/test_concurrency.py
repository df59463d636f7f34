"""Many requests at a time: they must see each other's choices before anybody else can."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from compute_service.clients.fake.placement import FakePlacement
from compute_service.config.settings import Settings
from compute_service.domain.group import ServerGroup
from compute_service.domain.request import Decision
from compute_service.ports.placement import CandidateQuery, Candidates, ConsumerAllocations
from tests.unit.scheduler.world import PROJECT, SMALL, World, node, order, placement_of, settings_with, world


class SlowPlacement:
    """Takes a while before and after each call takes effect, as a network does."""

    def __init__(self, placement: FakePlacement, seed: int, most: float) -> None:
        self._placement = placement
        self._chance = random.Random(seed)
        self._most = most

    def _wait(self) -> None:
        time.sleep(self._chance.uniform(0, self._most))

    def candidates(self, query: CandidateQuery) -> Candidates:
        self._wait()
        found = self._placement.candidates(query)
        self._wait()
        return found

    def claim_many(self, claims: tuple[ConsumerAllocations, ...]) -> None:
        self._wait()
        self._placement.claim_many(claims)
        self._wait()

    def __getattr__(self, name: str) -> Callable[..., object]:
        verb: Callable[..., object] = getattr(self._placement, name)
        return verb


def slow_world(hosts: int, seed: int, most: float, settings: Settings | None = None, **amounts: int) -> World:
    nodes = [node(f"h{n}") for n in range(hosts)]
    fake = placement_of(nodes, **amounts)
    made = world(nodes, settings, placement=SlowPlacement(fake, seed, most))
    made.placement = fake
    return made


def at_once(some: World, count: int, threads: int, **wish: object) -> list[Decision]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda _: some.selector.select(order(1, **wish)), range(count)))


def spread_of(decisions: list[Decision]) -> Counter[str]:
    return Counter(s.claim.host for decision in decisions for s in decision.selections)


@pytest.mark.parametrize("by", ["nova.scheduler.weights.all_weighers", "RAMWeigher"])
@pytest.mark.parametrize(
    ("count", "threads", "most"),
    [(50, 50, 0.02), (50, 8, 0.005), (200, 200, 0.02), (200, 16, 0.005), (200, 64, 0.0)],
)
def test_concurrent_creates_spread_over_equal_hosts(count: int, threads: int, most: float, by: str) -> None:
    weighers = settings_with(weight_classes=(by,))
    some = slow_world(10, count + threads, most, weighers)
    spread = spread_of(at_once(some, count, threads))
    assert spread.total() == count
    assert len(spread) == 10
    assert max(spread.values()) <= count / 10 + 2
    assert min(spread.values()) >= count / 10 - 2


def test_concurrent_creates_fill_hosts_to_the_last_place() -> None:
    some = slow_world(8, 3, 0.005, VCPU=5)
    decisions = at_once(some, 50, 25)
    assert spread_of(decisions) == {f"h{n}": 5 for n in range(8)}
    assert some.placement.calls["claim_many"] < 50 * 1.5
    refused = [decision for decision in decisions if not decision.selections]
    assert len(refused) == 10
    assert all(decision.message.startswith("No valid host was found. ") for decision in refused)


def test_concurrent_members_of_a_group_stay_apart() -> None:
    group = ServerGroup(uuid="g", project_id=PROJECT, user_id="u", name="g", policy="anti-affinity")
    some = slow_world(12, 4, 0.01)
    some.hosts.groups = {"g": {}}
    spread = spread_of(at_once(some, 16, 16, group=group))
    assert spread == {f"h{n}": 1 for n in range(12)}


def test_the_same_request_many_times_at_once_claims_once() -> None:
    some = slow_world(6, 5, 0.005)
    asked = order(3)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(some.selector.select, [asked] * 8))
    assert len({tuple(s.claim.host for s in answer.selections) for answer in answers}) == 1
    assert len(some.placement.allocations_by_consumer) == 3


def test_nothing_is_kept_when_all_is_done() -> None:
    some = slow_world(4, 6, 0.002)
    decisions = at_once(some, 40, 10)
    some.hosts.recent = {s.claim.consumer: s.claim.host for d in decisions for s in d.selections}
    some.clock.advance(2)
    last = order()
    some.selector.select(last)
    ledger = some.selector._ledger
    assert ledger.instances.total() == 1
    with ledger.asking() as mark:
        assert not ledger.missing(mark, ledger.moment(), lambda key: 0)
    assert not ledger._pending
    # What placement answered last is kept for a second, and what was picked since along with it.
    assert [pick.consumer for pick in ledger._settled] == list(last.consumers)
    some.clock.advance(2)
    assert some.selector.select(order(flavor=SMALL.replace(vcpus=1000))).selections == ()
    assert not ledger._believed
    assert not ledger._settled
    assert not ledger._open
