"""A server's metadata. Source: Compute API reference, "Server metadata"."""

from __future__ import annotations

from typing import Annotated

from compute_service.api.fields import METADATA, Map, Text
from compute_service.api.request import Request
from compute_service.api.shape import Body, View
from compute_service.control import update
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound

ONE_ITEM = Map(Text(0, 255), keys=METADATA.keys, least=1, most=1)


class Metadata(Body):
    """All items of a POST or PUT."""

    metadata: Annotated[dict[str, str], METADATA]


class Item(Body):
    """One item of a PUT."""

    meta: Annotated[dict[str, str], ONE_ITEM]


class MetadataView(View):
    """A server's metadata."""

    metadata: dict[str, str]


class ItemView(View):
    """One item of a server's metadata."""

    meta: dict[str, str]


def index(ctx: Context, svc: Services, req: Request) -> MetadataView:
    """List a server's metadata."""
    return MetadataView(metadata=req.server.instance.metadata)


def create(ctx: Context, svc: Services, req: Request) -> MetadataView:
    """Add items, or change their values; others stay."""
    return MetadataView(metadata=update.metadata_merge(ctx, svc, req.server, req.body(Metadata).metadata))


def update_all(ctx: Context, svc: Services, req: Request) -> MetadataView:
    """Replace all items."""
    return MetadataView(metadata=update.metadata_replace(ctx, svc, req.server, req.body(Metadata).metadata))


def show(ctx: Context, svc: Services, req: Request) -> ItemView:
    """Show one item."""
    key = req.params["key"]
    if key not in req.server.instance.metadata:
        raise NotFound("Metadata item was not found")
    return ItemView(meta={key: req.server.instance.metadata[key]})


def set_item(ctx: Context, svc: Services, req: Request) -> ItemView:
    """Set the item that the path names."""
    key, meta = req.params["key"], req.body(Item).meta
    if key not in meta:
        raise Invalid("Request body and URI mismatch")
    update.metadata_set(ctx, svc, req.server, key, meta[key])
    return ItemView(meta=meta)


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Remove one item."""
    update.metadata_delete(ctx, svc, req.server, req.params["key"])
