"""What requests about aggregates hold. Source: Compute API reference, "Host aggregates"."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from compute_service.api.fields import (
    HOST_NAME,
    NAME,
    UUID,
    Bad,
    Either,
    Field,
    Map,
    Named,
    Schema,
    Text,
)
from compute_service.api.shape import Body, Items


class ZoneName(Field):
    """The name of an availability zone: printable, without a colon."""

    def check(self, value: Any) -> str:
        name = NAME.check(value)
        if ":" in name:
            raise Bad(value, f"{value!r} does not match '^[^:]*$'")
        return name

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "maxLength": 255, "format": "az_name"}


_METADATA = Map(Either((Text(0, 255),), nullable=True), keys=r"^[a-zA-Z0-9-_:. ]{1,255}$")


class AggregateNew(Body):
    """The aggregate of a POST."""

    name: Annotated[str, NAME]
    availability_zone: Annotated[str | UnsetType | None, ZoneName()] = UNSET


class AggregateCreate(Body):
    """POST /os-aggregates."""

    aggregate: AggregateNew


class AggregateChange(Body):
    """The aggregate of a PUT; one of the two must be there."""

    name: Annotated[str | UnsetType, Named(strip=True)] = UNSET
    availability_zone: Annotated[str | UnsetType | None, ZoneName()] = UNSET


class AggregateUpdate(Body):
    """PUT /os-aggregates/{aggregate_id}."""

    aggregate: AggregateChange


class HostName(Body):
    """The value of add_host and remove_host."""

    host: Annotated[str, HOST_NAME]


class Metadata(Body):
    """The value of set_metadata; an item that is null is removed."""

    metadata: Annotated[dict[str, str | None], _METADATA]


class CachedImage(Body):
    """An image to fetch."""

    id: Annotated[str, UUID]


class CacheImages(Body):
    """POST /os-aggregates/{aggregate_id}/images."""

    cache: Annotated[list[CachedImage], Items(least=1)]
