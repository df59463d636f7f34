"""Claims as the scheduler answers with them, and those found in placement when a request is repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from compute_service.domain.request import Claim, PlacementRequest, SelectRequest
from compute_service.ports.placement import CandidateQuery, ConsumerAllocations, Placement
from compute_service.scheduler.fleet import Fleet, Host
from compute_service.scheduler.query import amounts_of, named_hosts

_MOST_LEVELS = 8


def claim_of(consumer: str, host: Host, allocations: Mapping[str, Mapping[str, int]]) -> Claim:
    """Return the claim of one server on a host."""
    return Claim(
        consumer=consumer,
        cell=host.cell,
        host=host.name,
        node=host.node,
        node_uuid=host.uuid,
        allocations={provider: dict(amounts) for provider, amounts in allocations.items()},
        availability_zone=host.zone,
    )


def claims_made(
    order: SelectRequest, query: CandidateQuery, fleet: Fleet, placement: Placement
) -> tuple[dict[str, Claim], tuple[str, ...]]:
    """Return the claims that these consumers hold already, by consumer, and those who hold something else.

    Something else: other amounts, or on a host that the request rules out.
    """
    found: dict[str, Claim] = {}
    others: list[str] = []
    for consumer in order.consumers:
        held = placement.allocations(consumer)
        if held is None or not held.allocations:
            continue
        host = _host_of(held, fleet, placement)
        if host is None or not _ours(order.request, query, fleet, held, host):
            others.append(consumer)
        else:
            found[consumer] = claim_of(consumer, host, held.allocations)
    return found, tuple(others)


def _host_of(held: ConsumerAllocations, fleet: Fleet, placement: Placement) -> Host | None:
    """Return the host whose provider, or one beneath it, is allocated from."""
    for provider in held.allocations:
        if provider in fleet.hosts:
            return fleet.hosts[provider]
    for provider in held.allocations:
        uuid: str | None = provider
        for _ in range(_MOST_LEVELS):
            found = placement.provider(uuid) if uuid is not None else None
            uuid = found.parent if found is not None else None
            if uuid is not None and uuid in fleet.hosts:
                return fleet.hosts[uuid]
    return None


def _ours(
    request: PlacementRequest,
    query: CandidateQuery,
    fleet: Fleet,
    held: ConsumerAllocations,
    host: Host,
) -> bool:
    total: Counter[str] = Counter()
    for amounts in held.allocations.values():
        total.update(amounts)
    if dict(total) != amounts_of(query):
        return False
    named = named_hosts(request, fleet)
    if named is not None and host not in named:
        return False
    if host.name in request.ignore_hosts or host.cell in request.ignore_cells:
        return False
    return request.cell in (None, host.cell)
