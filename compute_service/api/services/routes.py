"""The rows of services."""

from __future__ import annotations

from compute_service.api.policies import services as policy
from compute_service.api.services import bodies, handlers, views
from compute_service.api.table import Delete, Get, Put, Route

_ONE = "/os-services/{service_id}"

ROUTES: tuple[Route, ...] = (
    Get("/os-services", handlers.index, policy.LIST, query=bodies.ServiceQuery, reply=views.ServiceList),
    Put(
        _ONE,
        handlers.update_named,
        policy.UPDATE,
        body=bodies.NamedServiceUpdate,
        reply=views.ServiceChanged,
        until="2.52",
    ),
    Put(
        _ONE,
        handlers.update,
        policy.UPDATE,
        body=bodies.ServiceUpdate,
        reply=views.ServiceShown,
        since="2.53",
    ),
    Delete(_ONE, handlers.delete, policy.DELETE),
)
