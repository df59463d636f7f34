"""Addresses of subnets: pools, gateways, and the next free one."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from compute_service.clients.neutron_rows import AllocationPool, SubnetRow
from compute_service.domain.errors import Invalid

IP = IPv4Address | IPv6Address
_CIDR_ALONE = 2
"""Networks of at most this many addresses have neither a gateway nor a broadcast address set apart."""


def completed(row: SubnetRow, gateway_given: bool) -> SubnetRow:
    """Return a new subnet with version, gateway and pools filled in. Raises Invalid."""
    try:
        network = ip_network(row.cidr)
    except ValueError as error:
        raise Invalid(f"Invalid input for cidr. Reason: {error}.") from error
    gateway = row.gateway_ip
    if not gateway_given and network.num_addresses > _CIDR_ALONE:
        gateway = str(network.network_address + 1)
    if gateway is not None and ip_address(gateway) not in network:
        raise Invalid(f"Gateway {gateway} is not in {row.cidr}.")
    made = row.replace(ip_version=network.version, cidr=str(network), gateway_ip=gateway)
    return made.replace(allocation_pools=row.allocation_pools or _pools(made))


def _pools(row: SubnetRow) -> tuple[AllocationPool, ...]:
    network = ip_network(row.cidr)
    first, last = network.network_address, network.broadcast_address
    if network.num_addresses > _CIDR_ALONE:
        first += 1
        last -= 0 if network.version == 6 else 1
    if row.gateway_ip is None:
        return (AllocationPool(start=str(first), end=str(last)),)
    gateway = ip_address(row.gateway_ip)
    ranges = ((first, gateway - 1), (gateway + 1, last))
    return tuple(AllocationPool(start=str(a), end=str(b)) for a, b in ranges if int(a) <= int(b))


def contains(subnet: SubnetRow, address: str) -> bool:
    """Tell whether an address belongs to a subnet."""
    return ip_address(address) in ip_network(subnet.cidr)


def free_addresses(subnet: SubnetRow, taken: set[str], start: str | None = None) -> Iterator[str]:
    """Yield the addresses of a subnet's pools that are not taken, first those after `start`."""
    after = int(ip_address(start)) if start else -1
    for wrapped in (False, True):
        for pool in subnet.allocation_pools:
            low, high = ip_address(pool.start), ip_address(pool.end)
            begin = max(int(low), after + 1) if not wrapped else int(low)
            end = int(high) if not wrapped else min(int(high), after)
            for number in range(begin, end + 1):
                address = str(type(low)(number))
                if address not in taken:
                    yield address
