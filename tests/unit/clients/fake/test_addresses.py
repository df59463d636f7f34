from __future__ import annotations

import itertools

import pytest

from compute_service.clients.fake.addresses import completed, contains, free_addresses
from compute_service.clients.neutron_rows import AllocationPool, SubnetRow
from compute_service.domain.errors import Invalid


def subnet(cidr: str, gateway: str | None = None, given: bool = False) -> SubnetRow:
    return completed(SubnetRow(network_id="n", cidr=cidr, gateway_ip=gateway), given)


def pools(row: SubnetRow) -> list[tuple[str, str]]:
    return [(pool.start, pool.end) for pool in row.allocation_pools]


@pytest.mark.parametrize(
    ("cidr", "gateway", "given", "expected"),
    [
        ("10.0.0.0/29", None, False, [("10.0.0.2", "10.0.0.6")]),
        ("10.0.0.0/29", None, True, [("10.0.0.1", "10.0.0.6")]),
        ("10.0.0.0/29", "10.0.0.4", True, [("10.0.0.1", "10.0.0.3"), ("10.0.0.5", "10.0.0.6")]),
        ("10.0.0.0/29", "10.0.0.6", True, [("10.0.0.1", "10.0.0.5")]),
        ("10.0.0.0/31", None, False, [("10.0.0.0", "10.0.0.1")]),
        ("10.0.0.7/32", None, False, [("10.0.0.7", "10.0.0.7")]),
        ("2001:db8::/126", None, False, [("2001:db8::2", "2001:db8::3")]),
    ],
)
def test_pools_leave_out_what_is_taken(
    cidr: str, gateway: str | None, given: bool, expected: list[tuple[str, str]]
) -> None:
    assert pools(subnet(cidr, gateway, given)) == expected


@pytest.mark.parametrize(
    ("cidr", "gateway"), [("10.0.0.1/24", None), ("x", None), ("10.0.0.0/24", "10.1.0.1")]
)
def test_nonsense_is_refused(cidr: str, gateway: str | None) -> None:
    with pytest.raises(Invalid):
        subnet(cidr, gateway, given=gateway is not None)


def test_the_next_address_comes_after_the_last_one_and_wraps_around() -> None:
    row = subnet("10.0.0.0/29")
    taken = {"10.0.0.3", "10.0.0.6"}
    assert list(free_addresses(row, taken)) == ["10.0.0.2", "10.0.0.4", "10.0.0.5"]
    assert list(free_addresses(row, taken, "10.0.0.4")) == ["10.0.0.5", "10.0.0.2", "10.0.0.4"]


def test_a_huge_subnet_costs_nothing() -> None:
    row = subnet("2001:db8::/64")
    assert list(itertools.islice(free_addresses(row, set()), 2)) == ["2001:db8::2", "2001:db8::3"]
    assert contains(row, "2001:db8::ffff")
    assert not contains(row, "10.0.0.1")


def test_given_pools_are_kept() -> None:
    row = SubnetRow(
        network_id="n",
        cidr="10.0.0.0/24",
        allocation_pools=(AllocationPool(start="10.0.0.50", end="10.0.0.51"),),
    )
    assert list(free_addresses(completed(row, False), set())) == ["10.0.0.50", "10.0.0.51"]
