"""A thousand hosts: what a decision costs beside the calls of placement."""

from __future__ import annotations

import time

import pytest

from compute_service.clients.fake.placement import FakePlacement
from compute_service.ports.placement import CandidateQuery, Candidates, ConsumerAllocations
from tests.unit.scheduler.world import World, node, order, placement_of, world

MARGIN = 3
"""Machines differ, and others may be at work."""


class PreparedPlacement(FakePlacement):
    """Answers at once with what was worked out beforehand."""

    prepared: Candidates

    def candidates(self, query: CandidateQuery) -> Candidates:
        return self.prepared

    def claim_many(self, claims: tuple[ConsumerAllocations, ...]) -> None:
        return None


@pytest.fixture(scope="module")
def thousand() -> World:
    nodes = [node(f"h{n}", stats={"failed_builds": 0}) for n in range(1000)]
    query = CandidateQuery(resources={"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 1})
    placement = PreparedPlacement()
    placement.prepared = placement_of(nodes).candidates(query)
    return world(nodes, placement=placement)


@pytest.mark.parametrize(("servers", "milliseconds"), [(1, 5.0), (10, 8.0), (200, 40.0)])
def test_a_decision_over_a_thousand_hosts_is_quick(
    thousand: World, servers: int, milliseconds: float
) -> None:
    thousand.selector.select(order(servers))
    best = 1e9
    for _ in range(5):
        began = time.thread_time()
        decision = thousand.selector.select(order(servers, alternates=2))
        best = min(best, (time.thread_time() - began) * 1000)
        assert len({s.claim.host for s in decision.selections}) == servers
    assert best < milliseconds * MARGIN
