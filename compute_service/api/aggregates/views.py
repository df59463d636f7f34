"""What aggregates look like in an answer. Source: Compute API reference, "Host aggregates"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.shape import View, since
from compute_service.api.times import stamp_or_none
from compute_service.domain.aggregate import Aggregate


class NewAggregate(View):
    """An aggregate just created. The last ones are always so."""

    id: int
    name: str
    availability_zone: str | None
    created_at: str | None
    updated_at: str | None
    uuid: Annotated[str | UnsetType, since("2.41")] = UNSET
    deleted: bool = False
    deleted_at: None = None


class AggregateView(NewAggregate):
    """An aggregate with its hosts and metadata."""

    hosts: list[str]
    metadata: dict[str, str]


class AggregateCreated(View):
    """The answer to POST /os-aggregates."""

    aggregate: NewAggregate


class AggregateShown(View):
    """One aggregate."""

    aggregate: AggregateView


class AggregateList(View):
    """GET /os-aggregates."""

    aggregates: list[AggregateView]


def created(aggregate: Aggregate) -> AggregateCreated:
    """Return an aggregate just made."""
    return AggregateCreated(
        aggregate=NewAggregate(
            id=aggregate.id,
            name=aggregate.name,
            availability_zone=aggregate.availability_zone,
            created_at=stamp_or_none(aggregate.created_at),
            updated_at=stamp_or_none(aggregate.updated_at),
            uuid=aggregate.uuid,
        )
    )


def whole(aggregate: Aggregate) -> AggregateView:
    """Return an aggregate with its hosts and metadata."""
    return AggregateView(
        id=aggregate.id,
        name=aggregate.name,
        availability_zone=aggregate.availability_zone,
        created_at=stamp_or_none(aggregate.created_at),
        updated_at=stamp_or_none(aggregate.updated_at),
        uuid=aggregate.uuid,
        hosts=list(aggregate.hosts),
        metadata=dict(aggregate.metadata),
    )


def shown(aggregate: Aggregate) -> AggregateShown:
    """Return one aggregate as an answer."""
    return AggregateShown(aggregate=whole(aggregate))
