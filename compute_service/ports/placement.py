"""The placement service. Source: Placement API reference, microversion 1.36."""

from __future__ import annotations

from typing import Protocol

from compute_service.domain.host import ResourceInventory
from compute_service.domain.record import Record


class CandidateQuery(Record):
    """A GET /allocation_candidates. `resources` class → amount; `required` and `forbidden` are traits;
    each tuple of `member_of` is a set of aggregates of which the provider must be in one."""

    resources: dict[str, int]
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    member_of: tuple[tuple[str, ...], ...] = ()
    forbidden_aggregates: tuple[str, ...] = ()
    in_tree: str | None = None
    groups: dict[str, CandidateQuery] = {}
    """Numbered request groups by suffix."""
    group_policy: str | None = None
    limit: int = 1000


class ProviderSummary(Record):
    """What a provider has and what is taken of it, by resource class."""

    capacity: dict[str, int] = {}
    used: dict[str, int] = {}
    traits: tuple[str, ...] = ()
    root: str = ""


class Candidate(Record):
    """One way to satisfy a query: provider UUID → resource class → amount."""

    root: str
    allocations: dict[str, dict[str, int]]


class Candidates(Record):
    """The answer to a query."""

    candidates: tuple[Candidate, ...] = ()
    summaries: dict[str, ProviderSummary] = {}


class ConsumerAllocations(Record):
    """What one consumer holds. Empty `allocations` removes the consumer when written."""

    consumer: str
    project_id: str
    user_id: str
    allocations: dict[str, dict[str, int]] = {}
    generation: int | None = None
    """The generation seen when read; None says the consumer is new."""
    consumer_type: str = "INSTANCE"


class Provider(Record):
    """A resource provider with all that hangs on it."""

    uuid: str
    name: str
    parent: str | None = None
    generation: int = 0
    inventories: dict[str, ResourceInventory] = {}
    traits: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()


class Placement(Protocol):
    """Inventories, candidates and allocations. Errors: NotFound, Conflict (generation lost), Unavailable."""

    def candidates(self, query: CandidateQuery) -> Candidates:
        """Return ways to satisfy a query; none is no error."""

    def allocations(self, consumer: str) -> ConsumerAllocations | None:
        """Return what a consumer holds, or None."""

    def allocations_of_provider(self, provider: str) -> dict[str, dict[str, int]]:
        """Return consumer → resource class → amount on one provider."""

    def claim_many(self, claims: tuple[ConsumerAllocations, ...]) -> None:
        """Replace the allocations of all these consumers in one POST, or of none. Raises Conflict."""

    def release(self, consumer: str) -> None:
        """Remove all a consumer holds; repeating is fine."""

    def provider(self, uuid: str) -> Provider | None:
        """Return a provider with inventories, traits and aggregates, or None."""

    def providers(self) -> tuple[Provider, ...]:
        """Return all providers, without what hangs on them."""

    def ensure_provider(self, provider: Provider) -> Provider:
        """Make the provider and its inventories and traits as given; aggregates are left alone.

        Only what differs is written. Raises Conflict after a bounded number of lost generations.
        """

    def delete_provider(self, uuid: str) -> None:
        """Delete; one that is gone is fine. Raises Conflict while something is allocated on it."""

    def set_trait(self, provider: str, trait: str, present: bool) -> None:
        """Add or take away one trait, creating a custom one when needed."""

    def set_aggregates(self, provider: str, aggregates: tuple[str, ...]) -> None:
        """Replace the provider's aggregates."""

    def usages(self, project_id: str, user_id: str | None = None) -> dict[str, int]:
        """Return resource class → amount in use by a project."""
