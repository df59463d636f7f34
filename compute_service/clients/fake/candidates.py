"""How the in-memory placement finds allocation candidates. Sharing providers are not known here.

Source: Placement API reference, GET /allocation_candidates, microversion 1.36.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from compute_service.domain.errors import Invalid
from compute_service.domain.host import ResourceInventory
from compute_service.ports.placement import Candidate, CandidateQuery, Provider

Amounts = dict[str, dict[str, int]]
"""Provider UUID → resource class → amount."""


def capacity_of(inventory: ResourceInventory) -> int:
    """Return how much of a resource class may be allocated in all."""
    return int((inventory.total - inventory.reserved) * inventory.allocation_ratio)


def misfit(inventory: ResourceInventory | None, used: int, amount: int) -> str | None:
    """Return why `amount` more cannot be taken from an inventory of which `used` is taken, or None."""
    if inventory is None:
        return "the provider has no inventory of it"
    if not inventory.min_unit <= amount <= inventory.max_unit or amount % inventory.step_size:
        return f"{amount} is not between min_unit and max_unit in steps of step_size"
    if used + amount > capacity_of(inventory):
        return f"{used} of {capacity_of(inventory)} are in use"
    return None


@dataclass(frozen=True, slots=True)
class Tree:
    """The providers under one root, the root first."""

    root: Provider
    members: tuple[Provider, ...]
    used: Callable[[str, str], int]
    """(provider UUID, resource class) → amount in use."""

    def fits(self, provider: Provider, resources: Mapping[str, int]) -> bool:
        """Tell whether a provider has room for all of `resources`."""
        return all(
            misfit(provider.inventories.get(name), self.used(provider.uuid, name), amount) is None
            for name, amount in resources.items()
        )

    def candidates(self, query: CandidateQuery) -> Iterator[Candidate]:
        """Yield the ways in which this tree satisfies a query, each once."""
        if query.in_tree is not None and query.in_tree not in {p.uuid for p in self.members}:
            return
        spread = list(self._spread(query)) if query.resources else [{}]
        suffixes = sorted(query.groups)
        choices = [
            [provider for provider in self.members if self._serves(provider, query.groups[suffix])]
            for suffix in suffixes
        ]
        seen: list[Amounts] = []
        for base, picked in itertools.product(spread, itertools.product(*choices)):
            if query.group_policy == "isolate" and len({p.uuid for p in picked}) < len(picked):
                continue
            parts = [
                {p.uuid: query.groups[suffix].resources} for suffix, p in zip(suffixes, picked, strict=True)
            ]
            total = merge([base, *parts])
            if total not in seen and self._holds(total):
                seen.append(total)
                yield Candidate(root=self.root.uuid, allocations=total)

    def _spread(self, query: CandidateQuery) -> Iterator[Amounts]:
        """Yield the ways to take the unnumbered resources from any providers of the tree together."""
        allowed = [
            p for p in self.members if self._belongs(p, query) and not set(query.forbidden) & set(p.traits)
        ]
        names = list(query.resources)
        choices = [[p for p in allowed if self.fits(p, {name: query.resources[name]})] for name in names]
        for picked in itertools.product(*choices):
            traits = {trait for provider in picked for trait in provider.traits}
            if set(query.required) <= traits:
                yield merge(
                    [{p.uuid: {name: query.resources[name]}} for name, p in zip(names, picked, strict=True)]
                )

    def _serves(self, provider: Provider, group: CandidateQuery) -> bool:
        """Tell whether one provider alone satisfies a numbered group."""
        return (
            set(group.required) <= set(provider.traits)
            and not set(group.forbidden) & set(provider.traits)
            and (group.in_tree is None or group.in_tree in {p.uuid for p in self.members})
            and self._belongs(provider, group)
            and self.fits(provider, group.resources)
        )

    def _belongs(self, provider: Provider, query: CandidateQuery) -> bool:
        """Tell whether a provider, or its root for it, is in the aggregates asked for."""
        aggregates = set(provider.aggregates) | set(self.root.aggregates)
        return all(set(choice) & aggregates for choice in query.member_of) and not (
            set(query.forbidden_aggregates) & aggregates
        )

    def _holds(self, total: Amounts) -> bool:
        by_uuid = {p.uuid: p for p in self.members}
        return all(self.fits(by_uuid[uuid], resources) for uuid, resources in total.items())


def merge(parts: list[Amounts]) -> Amounts:
    """Add up amounts by provider and resource class."""
    total: Amounts = {}
    for part in parts:
        for provider, resources in part.items():
            into = total.setdefault(provider, {})
            for name, amount in resources.items():
                into[name] = into.get(name, 0) + amount
    return total


def check_query(query: CandidateQuery) -> None:
    """Refuse what the placement service refuses. Raises Invalid."""
    if not query.resources and not query.groups:
        raise Invalid("All request groups must specify resources.")
    if len(query.groups) > 1 and query.group_policy not in ("none", "isolate"):
        raise Invalid("The group_policy parameter is required when several groups are numbered.")
