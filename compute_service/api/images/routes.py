"""The rows of images. Who may is asked by the image service."""

from __future__ import annotations

from compute_service.api.images import handlers, views
from compute_service.api.images.bodies import ImageQuery
from compute_service.api.servers.metadata import Item, Metadata
from compute_service.api.table import Delete, Get, Post, Put, Route

_ONE = "/images/{image_id}"
_ITEMS = f"{_ONE}/metadata"
_ITEM = f"{_ITEMS}/{{key}}"
_LAST, _LAST_OF_METADATA = "2.35", "2.38"

ROUTES: tuple[Route, ...] = (
    Get("/images", handlers.index, query=ImageQuery, reply=views.ImageList, until=_LAST),
    Get("/images/detail", handlers.detail, query=ImageQuery, reply=views.ImageDetails, until=_LAST),
    Get(_ONE, handlers.show, reply=views.ImageShown, until=_LAST),
    Delete(_ONE, handlers.delete, until=_LAST),
    Get(_ITEMS, handlers.metadata, reply=views.MetadataView, until=_LAST_OF_METADATA),
    Post(_ITEMS, handlers.merge, body=Metadata, reply=views.MetadataView, until=_LAST_OF_METADATA),
    Put(_ITEMS, handlers.replace, body=Metadata, reply=views.MetadataView, until=_LAST_OF_METADATA),
    Get(_ITEM, handlers.item, reply=views.ItemView, until=_LAST_OF_METADATA),
    Put(_ITEM, handlers.set_item, body=Item, reply=views.ItemView, until=_LAST_OF_METADATA),
    Delete(_ITEM, handlers.delete_item, until=_LAST_OF_METADATA),
)
