"""The rows of aggregates."""

from __future__ import annotations

from compute_service.api.aggregates import bodies, handlers, views
from compute_service.api.policies import aggregates as policy
from compute_service.api.table import Act, Delete, Get, Post, Put, Route, actions

_ALL = "/os-aggregates"
_ONE = "/os-aggregates/{aggregate_id}"

ROUTES: tuple[Route, ...] = (
    Get(_ALL, handlers.index, policy.INDEX, reply=views.AggregateList),
    Post(_ALL, handlers.create, policy.CREATE, body=bodies.AggregateCreate, reply=views.AggregateCreated),
    Get(_ONE, handlers.show, policy.SHOW, reply=views.AggregateShown),
    Put(_ONE, handlers.update, policy.UPDATE, body=bodies.AggregateUpdate, reply=views.AggregateShown),
    Delete(_ONE, handlers.delete, policy.DELETE, status=200),
    *actions(
        f"{_ONE}/action",
        Act(
            "add_host",
            handlers.add_host,
            policy.ADD_HOST,
            body=bodies.HostName,
            reply=views.AggregateShown,
            status=200,
        ),
        Act(
            "remove_host",
            handlers.remove_host,
            policy.REMOVE_HOST,
            body=bodies.HostName,
            reply=views.AggregateShown,
            status=200,
        ),
        Act(
            "set_metadata",
            handlers.set_metadata,
            policy.SET_METADATA,
            body=bodies.Metadata,
            reply=views.AggregateShown,
            status=200,
        ),
    ),
    Post(
        f"{_ONE}/images",
        handlers.cache_images,
        policy.IMAGES,
        body=bodies.CacheImages,
        status=202,
        since="2.81",
    ),
)
