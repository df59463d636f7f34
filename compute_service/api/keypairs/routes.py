"""The rows of key pairs. Who may is asked by the handlers, for the owner may stand in query or body."""

from __future__ import annotations

from compute_service.api.keypairs import bodies, handlers, views
from compute_service.api.table import Delete, Get, Post, Route

ROUTES: tuple[Route, ...] = (
    Get("/os-keypairs", handlers.index, query=bodies.KeypairQuery, reply=views.KeypairList),
    Post("/os-keypairs", handlers.create, body=bodies.KeypairCreate, reply=views.KeypairCreated, until="2.1"),
    Post(
        "/os-keypairs",
        handlers.create,
        body=bodies.KeypairCreate,
        reply=views.KeypairCreated,
        status=201,
        since="2.2",
    ),
    Get("/os-keypairs/{name}", handlers.show, query=bodies.OwnerQuery, reply=views.KeypairShown),
    Delete("/os-keypairs/{name}", handlers.delete, query=bodies.OwnerQuery, status=202, until="2.1"),
    Delete("/os-keypairs/{name}", handlers.delete, query=bodies.OwnerQuery, since="2.2"),
)
