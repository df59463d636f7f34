"""Listing, showing, creating, changing and deleting aggregates, and having images cached on their hosts."""

from __future__ import annotations

from msgspec import UnsetType

from compute_service.api.aggregates import views
from compute_service.api.aggregates.bodies import (
    AggregateCreate,
    AggregateUpdate,
    CacheImages,
    HostName,
    Metadata,
)
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.control import aggregates as control
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid


def _id(req: Request) -> int:
    """Return the number that the path names, below zero for what cannot be there. Raises Invalid."""
    value = req.params["aggregate_id"]
    digits = value.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise Invalid(f"Invalid input received: id '{value}' is not a whole number")
    return int(value)


def index(ctx: Context, svc: Services, req: Request) -> views.AggregateList:
    """List aggregates."""
    return views.AggregateList(aggregates=[views.whole(one) for one in control.list_aggregates(ctx, svc)])


def create(ctx: Context, svc: Services, req: Request) -> views.AggregateCreated:
    """Create an aggregate."""
    new = req.body(AggregateCreate).aggregate
    return views.created(control.create_aggregate(ctx, svc, new.name, given(new.availability_zone, None)))


def show(ctx: Context, svc: Services, req: Request) -> views.AggregateShown:
    """Show an aggregate."""
    return views.shown(control.find_aggregate(ctx, svc, _id(req)))


def update(ctx: Context, svc: Services, req: Request) -> views.AggregateShown:
    """Change an aggregate's name, its zone, or both."""
    change, number = req.body(AggregateUpdate).aggregate, _id(req)
    name, zone = change.name, change.availability_zone
    if isinstance(name, UnsetType) and isinstance(zone, UnsetType):
        raise Invalid("Invalid input for field/attribute aggregate. Value: {}. {} should be non-empty")
    if zone is None:
        control.set_metadata(ctx, svc, number, {control.ZONE: None})
    return views.shown(control.update_aggregate(ctx, svc, number, given(name, None), given(zone, None)))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete an aggregate."""
    control.delete_aggregate(ctx, svc, _id(req))


def add_host(ctx: Context, svc: Services, req: Request) -> views.AggregateShown:
    """Put a host into an aggregate."""
    return views.shown(control.add_host(ctx, svc, _id(req), req.body(HostName).host))


def remove_host(ctx: Context, svc: Services, req: Request) -> views.AggregateShown:
    """Take a host out of an aggregate."""
    return views.shown(control.remove_host(ctx, svc, _id(req), req.body(HostName).host))


def set_metadata(ctx: Context, svc: Services, req: Request) -> views.AggregateShown:
    """Change an aggregate's metadata."""
    return views.shown(control.set_metadata(ctx, svc, _id(req), req.body(Metadata).metadata))


def cache_images(ctx: Context, svc: Services, req: Request) -> None:
    """Have the hosts of an aggregate fetch images ahead of use."""
    images = tuple(image.id for image in req.body(CacheImages).cache)
    control.cache_images(ctx, svc, _id(req), images)
