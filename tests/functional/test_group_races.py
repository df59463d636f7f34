"""Servers of a group that are ordered at once, with a scheduler that leaves groups out of account.

Two schedulers that do not see each other's choices are as blind as that one. What keeps the policy then is
the look that each build takes at its group.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from compute_service.cmd.allinone import AllInOne
from compute_service.cmd.allinone_seed import IMAGE
from tests.fixtures.all_in_one import Start
from tests.functional.caller import Caller, wait_for

BLIND = {"enabled_filters": "ComputeFilter", "host_subset_size": 4, "shuffle_best_same_weighed_hosts": True}


def placed(site: AllInOne, servers: int, policy: str) -> list[dict[str, Any]]:
    """Order servers of one group from as many threads, and return them when all are built or failed."""
    admin = Caller(site.url, site.token())
    group = admin.post("/os-server-groups", {"server_group": {"name": "g", "policy": policy}})
    hints = {"group": group.body["server_group"]["id"]}
    body = {
        "server": {"name": "s", "imageRef": IMAGE, "flavorRef": "42", "networks": "none"},
        "os:scheduler_hints": hints,
    }
    with ThreadPoolExecutor(servers) as pool:
        made = list(pool.map(lambda _: admin.post("/servers", body).body["server"]["id"], range(servers)))
    seen: list[dict[str, Any]] = []

    def settled() -> bool:
        seen[:] = [admin.server(one) for one in made]
        return {one["status"] for one in seen} <= {"ACTIVE", "ERROR"}

    wait_for(settled, 30)
    return seen


def shared(servers: list[dict[str, Any]]) -> Counter[str]:
    """Return how many built servers each host has."""
    return Counter(one["OS-EXT-SRV-ATTR:host"] for one in servers if one["status"] == "ACTIVE")


@pytest.mark.parametrize("servers", [2, 5])
def test_servers_that_must_part_never_end_on_one_host(start_site: Start, servers: int) -> None:
    site = start_site(hosts=4, options={"filter_scheduler": BLIND, "scheduler": {"max_attempts": 5}})
    found = placed(site, servers, "anti-affinity")
    assert max(shared(found).values()) == 1, shared(found)
    assert len(shared(found)) >= min(servers, 4) - 1
    for name, hypervisor in site.hypervisors.items():
        assert len(hypervisor.guests()) == shared(found)[name]


def test_without_the_late_look_they_meet(start_site: Start) -> None:
    left_out = {"disable_group_policy_check_upcall": True}
    site = start_site(hosts=2, options={"filter_scheduler": BLIND, "workarounds": left_out})
    found = placed(site, 3, "anti-affinity")
    assert [one["status"] for one in found] == ["ACTIVE"] * 3
    assert max(shared(found).values()) >= 2
