"""What a lab may be like."""

from __future__ import annotations

from typing import Any

import pytest

from proving.lab.network import Network, link_name
from proving.lab.plan import LabPlan, checked_name, numbered_hosts


@pytest.mark.parametrize("name", ["", "1a", "A", "a_b", "a" * 16, "a/b", "ä", "a b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        checked_name(name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hosts": ()},
        {"hosts": ("a", "a")},
        {"hosts": ("A",)},
        {"hosts": numbered_hosts(201)},
        {"links": ("host0",)},
        {"links": ("toolonglink",)},
        {"binds": (("/a", "b"),)},
        {"binds": (("/a:b", "/b"),)},
    ],
)
def test_a_plan_that_cannot_be_made_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no name|hosts|cannot"):
        LabPlan(**wrong)


def test_addresses_and_links_of_many_hosts_are_all_different_and_fit() -> None:
    network = Network("mine", 3)
    plan = LabPlan(hosts=numbered_hosts(200), links=("provider",))
    addresses = {network.host_address(index) for index in range(len(plan.hosts))}
    assert len(addresses) == 200
    assert network.gateway not in addresses
    links = {link_name(index, link) for index in range(200) for link in plan.all_links}
    assert len(links) == 400
    assert all(len(link) <= 15 for link in links)
