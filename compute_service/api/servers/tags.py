"""A server's tags. Source: Compute API reference, "Server tags"."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from compute_service.api.fields import TAG, Bad
from compute_service.api.request import Reply, Request
from compute_service.api.shape import Body, Items, View
from compute_service.control import update
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound


class Tags(Body):
    """PUT /servers/{server_id}/tags."""

    tags: Annotated[list[Annotated[str, TAG]], Items(0, 50)]


class TagsView(View):
    """A server's tags."""

    tags: list[str]


def index(ctx: Context, svc: Services, req: Request) -> TagsView:
    """List a server's tags."""
    return TagsView(tags=list(req.server.instance.tags))


def show(ctx: Context, svc: Services, req: Request) -> None:
    """Say whether a server has a tag."""
    tag, instance = req.params["tag"], req.server.instance
    if tag not in instance.tags:
        raise NotFound(f"Server {instance.uuid} has no tag '{tag}'")


def update_all(ctx: Context, svc: Services, req: Request) -> TagsView:
    """Replace all tags."""
    return TagsView(tags=list(update.tags_replace(ctx, svc, req.server, tuple(req.body(Tags).tags))))


def add(ctx: Context, svc: Services, req: Request) -> Reply:
    """Tag a server: 201 when the tag is new, 204 when it was there."""
    tag = req.params["tag"]
    try:
        TAG.check(tag)
    except Bad as bad:
        raise Invalid(
            f"Tag '{tag}' is invalid. It must be a text without '/' and ','. {bad.message}"
        ) from None
    if not update.tags_add(ctx, svc, req.server, tag):
        return Reply(status=204)
    path = f"{req.links.own}/servers/{req.server.instance.uuid}/tags/{quote(tag)}"
    return Reply(status=201, headers=(("Location", path),))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Remove a tag."""
    update.tags_delete(ctx, svc, req.server, req.params["tag"])


def delete_all(ctx: Context, svc: Services, req: Request) -> None:
    """Remove all tags."""
    update.tags_clear(ctx, svc, req.server)
