"""The row of external events."""

from __future__ import annotations

from compute_service.api.events import bodies, handlers, views
from compute_service.api.policies import outside as policy
from compute_service.api.table import Post, Route

ROUTES: tuple[Route, ...] = (
    Post(
        "/os-server-external-events",
        handlers.create,
        policy.EVENTS,
        body=bodies.EventsCreate,
        reply=views.EventsShown,
        also=(handlers.PARTLY,),
    ),
)
