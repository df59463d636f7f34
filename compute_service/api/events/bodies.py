"""What other services send. Source: Compute API reference, "Create external events"."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from compute_service.api.fields import UUID, OneOf, Text
from compute_service.api.shape import Body, Items, since

_FIRST = ("network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted")
_EXTENDED = (*_FIRST, "volume-extended")
_POWER = (*_EXTENDED, "power-update")
_ACCELERATOR = (*_POWER, "accelerator-request-bound")
_REIMAGED = (*_ACCELERATOR, "volume-reimaged")


class Event(Body):
    """One event."""

    name: Annotated[
        str,
        since("2.1", until="2.50", kind=OneOf(*_FIRST)),
        since("2.51", until="2.75", kind=OneOf(*_EXTENDED)),
        since("2.76", until="2.81", kind=OneOf(*_POWER)),
        since("2.82", until="2.92", kind=OneOf(*_ACCELERATOR)),
        since("2.93", kind=OneOf(*_REIMAGED)),
    ]
    server_uuid: Annotated[str, UUID]
    status: Literal["failed", "completed", "in-progress"] | UnsetType = UNSET
    tag: Annotated[str | UnsetType, Text(0, 255)] = UNSET


class EventsCreate(Body):
    """POST /os-server-external-events."""

    events: Annotated[list[Event], Items(1)]
