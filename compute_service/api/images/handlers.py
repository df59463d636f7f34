"""Images and their metadata, passed on to the image service as the user who asks."""

from __future__ import annotations

from typing import Any

from compute_service.api.images import views
from compute_service.api.images.bodies import ImageQuery, filters_of
from compute_service.api.links import Link
from compute_service.api.paging import next_page, page_size
from compute_service.api.request import Request
from compute_service.api.servers.metadata import Item, Metadata
from compute_service.control import old_images as control
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound


def _page(
    ctx: Context, svc: Services, req: Request, path: str
) -> tuple[list[dict[str, Any]], list[Link] | None]:
    limit = page_size(req.query(ImageQuery).limit, svc.settings.api.max_limit)
    found = control.list_images(ctx, svc, filters_of(req.pairs, limit))
    if len(found) != limit:
        return found, None
    return found, next_page(req.links, path, req.pairs, found[-1]["id"])


def index(ctx: Context, svc: Services, req: Request) -> views.ImageList:
    """List images."""
    found, more = _page(ctx, svc, req, "images")
    address = svc.image_api.address()
    view = views.ImageList(images=[views.brief(image, req.links, address) for image in found])
    if more is not None:
        view.images_links = more
    return view


def detail(ctx: Context, svc: Services, req: Request) -> views.ImageDetails:
    """List images with all of them."""
    found, more = _page(ctx, svc, req, "images/detail")
    address = svc.image_api.address()
    view = views.ImageDetails(images=[views.whole(image, req.links, address) for image in found])
    if more is not None:
        view.images_links = more
    return view


def show(ctx: Context, svc: Services, req: Request) -> views.ImageShown:
    """Show an image."""
    image = control.get_image(ctx, svc, req.params["image_id"])
    return views.ImageShown(image=views.whole(image, req.links, svc.image_api.address()))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete an image."""
    control.delete_image(ctx, svc, req.params["image_id"])


def metadata(ctx: Context, svc: Services, req: Request) -> views.MetadataView:
    """Show an image's metadata."""
    return views.MetadataView(
        metadata=control.metadata_of(control.get_image(ctx, svc, req.params["image_id"]))
    )


def merge(ctx: Context, svc: Services, req: Request) -> views.MetadataView:
    """Add items to an image's metadata, or change their values."""
    items = req.body(Metadata).metadata
    return views.MetadataView(metadata=control.set_metadata(ctx, svc, req.params["image_id"], items, False))


def replace(ctx: Context, svc: Services, req: Request) -> views.MetadataView:
    """Replace an image's metadata."""
    items = req.body(Metadata).metadata
    return views.MetadataView(metadata=control.set_metadata(ctx, svc, req.params["image_id"], items, True))


def item(ctx: Context, svc: Services, req: Request) -> views.ItemView:
    """Show one item."""
    found, key = control.metadata_of(control.get_image(ctx, svc, req.params["image_id"])), req.params["key"]
    if key not in found:
        raise NotFound("Metadata item was not found")
    return views.ItemView(meta={key: found[key]})


def set_item(ctx: Context, svc: Services, req: Request) -> views.ItemView:
    """Set one item."""
    items, key = req.body(Item).meta, req.params["key"]
    if key not in items:
        raise Invalid("Request body and URI mismatch")
    control.set_metadata(ctx, svc, req.params["image_id"], items, False)
    return views.ItemView(meta={**items})


def delete_item(ctx: Context, svc: Services, req: Request) -> None:
    """Take one item away."""
    control.delete_metadata(ctx, svc, req.params["image_id"], req.params["key"])
