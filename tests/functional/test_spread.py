"""Servers spread: in the end, what is in use of the hosts differs hardly more than before, or by a few.

A fuller host may get some all the same: one on which nothing is being built is preferred to one that is busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from compute_service.ports.placement import CandidateQuery
from compute_service.scheduler import freshness
from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]
SERVER = {"VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 1}
"""What a server of the small flavor takes."""
FEW, MORE = 3, 2
"""Servers by which one host may be ahead of another, and further ahead than before."""


def lead(cloud: Cloud) -> int:
    """Return by how many servers, of any test, the fullest host is ahead of the emptiest."""
    answer = cloud.placement.candidates(CandidateQuery(resources=SERVER))
    in_use = [
        sum(summary.used[name] / summary.capacity[name] for name in SERVER)
        / sum(amount / summary.capacity[name] for name, amount in SERVER.items())
        for summary in answer.summaries.values()
    ]
    assert len(in_use) == len(cloud.hosts)
    return round(max(in_use) - min(in_use))


@pytest.fixture
def before(cloud: Cloud) -> int:
    """The lead of the fullest host, when no answer is in use any more that shows servers which are gone."""
    time.sleep(freshness.MOST)
    return lead(cloud)


def test_ten_servers_of_one_request_spread_over_equal_hosts(
    cloud: Cloud, member: Caller, admin: Caller, order: Order, before: int
) -> None:
    reply = member.post("/servers", order(min_count=10, max_count=10, return_reservation_id=True))
    reservation = reply.body["reservation_id"]

    def servers() -> list[dict[str, Any]]:
        return list(admin.get(f"/servers/detail?all_tenants=1&reservation_id={reservation}").body["servers"])

    wait_for(
        lambda: [s["status"] for s in servers()] == ["ACTIVE"] * 10,
        30,
        lambda: str([s["status"] for s in servers()]),
    )
    assert {s["name"] for s in servers()} == {f"web-{n}" for n in range(1, 11)}
    assert lead(cloud) <= max(before + MORE, FEW)


def test_concurrent_creates_spread_too(cloud: Cloud, member: Caller, order: Order, before: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: member.post("/servers", order()).body["server"]["id"], range(16)))
    for server in made:
        member.settled(server, "ACTIVE", 30)
    assert lead(cloud) <= max(before + MORE, FEW)
