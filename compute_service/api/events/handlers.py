"""Taking events."""

from __future__ import annotations

from compute_service.api.events.bodies import EventsCreate
from compute_service.api.events.views import EventsShown, shown
from compute_service.api.request import Reply, Request
from compute_service.api.shape import given
from compute_service.control.events import ACCEPTED, ExternalEvent, external_events
from compute_service.control.services import Services
from compute_service.domain.context import Context

PARTLY = 207


def create(ctx: Context, svc: Services, req: Request) -> Reply:
    """Take events; the answer is 207 when one of them could not be used."""
    events = [
        ExternalEvent(
            name=event.name,
            server_uuid=event.server_uuid,
            status=given(event.status, "completed"),
            tag=given(event.tag, "") or None,
        )
        for event in req.body(EventsCreate).events
    ]
    answers = external_events(ctx, svc, events)
    whole = all(answer.code == ACCEPTED for answer in answers)
    return Reply(EventsShown(events=[shown(a) for a in answers]), status=200 if whole else PARTLY)
