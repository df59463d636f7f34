"""Placement in memory."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable

from compute_service.clients.fake.candidates import Tree, capacity_of, check_query, misfit
from compute_service.clients.fake.faults import Faults
from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.ports.placement import (
    CandidateQuery,
    Candidates,
    ConsumerAllocations,
    Provider,
    ProviderSummary,
)

_NAME = re.compile(r"[A-Z0-9_]{1,255}")


class FakePlacement(Faults):
    """Keeps capacity, generations and all-or-nothing claims as the placement service does."""

    def __init__(self, providers: Iterable[Provider] = ()) -> None:
        super().__init__()
        self._providers: dict[str, Provider] = {}
        self._consumers: dict[str, ConsumerAllocations] = {}
        self._used: dict[str, Counter[str]] = {}
        for provider in providers:
            self.ensure_provider(provider)
            self.set_aggregates(provider.uuid, provider.aggregates)
        self.calls.clear()

    @property
    def allocations_by_consumer(self) -> dict[str, dict[str, dict[str, int]]]:
        """Consumer → provider → resource class → amount."""
        with self._lock:
            return {uuid: held.allocations for uuid, held in self._consumers.items()}

    @property
    def providers_by_uuid(self) -> dict[str, Provider]:
        """All providers, complete."""
        with self._lock:
            return dict(self._providers)

    def used(self, provider: str, resource_class: str) -> int:
        """Return how much of a resource class is allocated on a provider."""
        with self._lock:
            return self._taken(provider, resource_class)

    def candidates(self, query: CandidateQuery) -> Candidates:
        """Return ways to satisfy a query; none is no error."""
        with self._call("candidates"):
            check_query(query)
            trees = self._trees()
            found = tuple(
                itertools.islice(
                    (candidate for tree in trees.values() for candidate in tree.candidates(query)),
                    query.limit,
                )
            )
            members = [p for root in dict.fromkeys(c.root for c in found) for p in trees[root].members]
            return Candidates(
                candidates=found, summaries={p.uuid: self._summary(p, self._root(p.uuid)) for p in members}
            )

    def allocations(self, consumer: str) -> ConsumerAllocations | None:
        """Return what a consumer holds, or None."""
        with self._call("allocations"):
            return self._consumers.get(consumer)

    def allocations_of_provider(self, provider: str) -> dict[str, dict[str, int]]:
        """Return consumer → resource class → amount on one provider."""
        with self._call("allocations_of_provider"):
            self._known(provider)
            return {
                uuid: dict(held.allocations[provider])
                for uuid, held in self._consumers.items()
                if provider in held.allocations
            }

    def claim_many(self, claims: tuple[ConsumerAllocations, ...]) -> None:
        """Replace the allocations of all these consumers, or of none. Raises Conflict."""
        with self._call("claim_many"):
            for claim in claims:
                self._check_generation(claim)
            before = {claim.consumer: self._consumers.get(claim.consumer) for claim in claims}
            for held in before.values():
                self._add(held, -1)
            taken: list[ConsumerAllocations] = []
            try:
                for claim in claims:
                    self._check_capacity(claim)
                    self._add(claim, 1)
                    taken.append(claim)
            except Conflict:
                for claim in taken:
                    self._add(claim, -1)
                for held in before.values():
                    self._add(held, 1)
                raise
            for claim in claims:
                self._store(claim)

    def release(self, consumer: str) -> None:
        """Remove all a consumer holds; repeating is fine."""
        with self._call("release"):
            self._add(self._consumers.pop(consumer, None), -1)

    def provider(self, uuid: str) -> Provider | None:
        """Return a provider with inventories, traits and aggregates, or None."""
        with self._call("provider"):
            return self._providers.get(uuid)

    def providers(self) -> tuple[Provider, ...]:
        """Return all providers, without what hangs on them."""
        with self._call("providers"):
            return tuple(
                Provider(uuid=p.uuid, name=p.name, parent=p.parent, generation=p.generation)
                for p in self._providers.values()
            )

    def ensure_provider(self, provider: Provider) -> Provider:
        """Make the provider and its inventories and traits as given; aggregates are left alone."""
        with self._call("ensure_provider"):
            for trait in provider.traits:
                _check_name(trait)
            self._check_place(provider)
            seen = self._providers.get(provider.uuid)
            if seen is None:
                wanted = provider.replace(generation=0, aggregates=(), traits=_ordered(provider.traits))
                changed = bool(wanted.inventories or wanted.traits)
            else:
                self._check_inventories(seen, provider)
                wanted = seen.replace(
                    name=provider.name,
                    inventories=dict(provider.inventories),
                    traits=_ordered(provider.traits),
                )
                changed = wanted != seen
            wanted = wanted.replace(generation=wanted.generation + changed)
            self._providers[provider.uuid] = wanted
            return wanted

    def delete_provider(self, uuid: str) -> None:
        """Delete; one that is gone is fine. Raises Conflict while something is allocated on it."""
        with self._call("delete_provider"):
            if uuid not in self._providers:
                return
            if any(self._used.get(uuid, Counter()).values()):
                raise Conflict(f"Unable to delete resource provider {uuid}: it has allocations.")
            if any(p.parent == uuid for p in self._providers.values()):
                raise Conflict(f"Unable to delete resource provider {uuid}: it has children.")
            del self._providers[uuid]

    def set_trait(self, provider: str, trait: str, present: bool) -> None:
        """Add or take away one trait."""
        with self._call("set_trait"):
            seen = self._known(provider)
            _check_name(trait)
            traits = {*seen.traits, trait} if present else {*seen.traits} - {trait}
            self._change(seen, traits=_ordered(traits))

    def set_aggregates(self, provider: str, aggregates: tuple[str, ...]) -> None:
        """Replace the provider's aggregates."""
        with self._call("set_aggregates"):
            self._change(self._known(provider), aggregates=_ordered(aggregates))

    def usages(self, project_id: str, user_id: str | None = None) -> dict[str, int]:
        """Return resource class → amount in use by a project."""
        with self._call("usages"):
            total: Counter[str] = Counter()
            for held in self._consumers.values():
                if held.project_id == project_id and user_id in (None, held.user_id):
                    for resources in held.allocations.values():
                        total.update(resources)
            return dict(total)

    def _taken(self, provider: str, resource_class: str) -> int:
        counter = self._used.get(provider)
        return counter[resource_class] if counter is not None else 0

    def _known(self, uuid: str) -> Provider:
        found = self._providers.get(uuid)
        if found is None:
            raise NotFound(f"No resource provider with uuid {uuid} found")
        return found

    def _change(self, seen: Provider, **changes: object) -> None:
        wanted = seen.replace(**changes)
        if wanted != seen:
            self._providers[seen.uuid] = wanted.replace(generation=seen.generation + 1)

    def _root(self, uuid: str) -> str:
        while (parent := self._providers[uuid].parent) is not None:
            uuid = parent
        return uuid

    def _trees(self) -> dict[str, Tree]:
        members: dict[str, list[Provider]] = {}
        for provider in self._providers.values():
            members.setdefault(self._root(provider.uuid), []).append(provider)
        return {
            root: Tree(
                root=self._providers[root],
                members=tuple(sorted(found, key=lambda p: p.parent is not None)),
                used=self._taken,
            )
            for root, found in members.items()
        }

    def _summary(self, provider: Provider, root: str) -> ProviderSummary:
        return ProviderSummary(
            capacity={name: capacity_of(inventory) for name, inventory in provider.inventories.items()},
            used={name: self.used(provider.uuid, name) for name in provider.inventories},
            traits=provider.traits,
            root=root,
        )

    def _add(self, held: ConsumerAllocations | None, sign: int) -> None:
        for provider, resources in held.allocations.items() if held else ():
            counter = self._used.setdefault(provider, Counter())
            for name, amount in resources.items():
                counter[name] += sign * amount

    def _store(self, claim: ConsumerAllocations) -> None:
        if claim.allocations:
            generation = (claim.generation or 0) + 1
            self._consumers[claim.consumer] = claim.replace(generation=generation)
        else:
            self._consumers.pop(claim.consumer, None)

    def _check_generation(self, claim: ConsumerAllocations) -> None:
        held = self._consumers.get(claim.consumer)
        seen = held.generation if held else None
        if claim.generation != seen:
            raise Conflict(f"Consumer {claim.consumer} has generation {seen}, not {claim.generation}.")

    def _check_capacity(self, claim: ConsumerAllocations) -> None:
        for uuid, resources in claim.allocations.items():
            if uuid not in self._providers:
                raise Conflict(f"Resource provider {uuid} does not exist.")
            for name, amount in resources.items():
                why = misfit(self._providers[uuid].inventories.get(name), self.used(uuid, name), amount)
                if why is not None:
                    raise Conflict(f"Unable to allocate {name} on resource provider {uuid}: {why}.")

    def _check_place(self, provider: Provider) -> None:
        if provider.parent is not None and provider.parent not in self._providers:
            raise Invalid(f"The parent resource provider {provider.parent} does not exist.")
        if any(p.name == provider.name and p.uuid != provider.uuid for p in self._providers.values()):
            raise Conflict(f"A resource provider named {provider.name} already exists.")

    def _check_inventories(self, seen: Provider, wanted: Provider) -> None:
        gone = [
            name for name in seen.inventories if name not in wanted.inventories and self.used(seen.uuid, name)
        ]
        if gone:
            raise Conflict(f"Inventory of {', '.join(gone)} on resource provider {seen.uuid} is in use.")


def _ordered(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(f"'{name}' is not a valid trait.")
