"""What steps do with the allocations of servers and of migrations."""

from __future__ import annotations

from compute_service.domain.errors import Conflict, Stale
from compute_service.ports.placement import ConsumerAllocations, Placement

_TRIES = 4

Allocations = dict[str, dict[str, int]]


def holds(placement: Placement, consumer: str) -> Allocations:
    """Return what a consumer holds; nothing when it is unknown."""
    held = placement.allocations(consumer)
    return {} if held is None else held.allocations


def rewrite(placement: Placement, wanted: tuple[ConsumerAllocations, ...]) -> None:
    """Replace what consumers hold, all or none, whatever they hold now; nothing is sent if it is so already.

    Raises Conflict when there is no room, Stale when others keep changing the same consumers.
    """
    seen: list[int | None] = []
    for _ in range(_TRIES):
        held = [placement.allocations(one.consumer) for one in wanted]
        if all((h.allocations if h else {}) == one.allocations for h, one in zip(held, wanted, strict=True)):
            return
        generations = [h.generation if h else None for h in held]
        claims = tuple(
            one.replace(generation=generation)
            for one, generation in zip(wanted, generations, strict=True)
            if one.allocations or generation is not None
        )
        try:
            placement.claim_many(claims)
        except Conflict:
            if generations == seen:
                raise
            seen = generations
        else:
            return
    raise Stale("The allocations of the server were changed by another request.")
