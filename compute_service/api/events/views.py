"""What became of events."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from compute_service.api.shape import View
from compute_service.control.events import EventAnswer


class EventShown(View):
    """One event and its code."""

    name: str
    server_uuid: str
    status: str
    code: int
    tag: str | UnsetType = UNSET


class EventsShown(View):
    """The answer to POST /os-server-external-events."""

    events: list[EventShown]


def shown(answer: EventAnswer) -> EventShown:
    """Return what became of one event."""
    event = answer.event
    return EventShown(
        name=event.name,
        server_uuid=event.server_uuid,
        status=event.status,
        code=answer.code,
        tag=UNSET if event.tag is None else event.tag,
    )
