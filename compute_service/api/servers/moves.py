"""Resizing and moving a server, making an image of it, and asking its host about it."""

from __future__ import annotations

import re

from compute_service.api.policies import server_actions as policy
from compute_service.api.request import Reply, Request
from compute_service.api.servers.action_bodies import (
    ConsoleOutput,
    ConsoleText,
    CreateBackup,
    CreateImage,
    ImageCreated,
    Migrate,
    MigrateLive,
    Resize,
)
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control import console
from compute_service.control import live_migrate as live
from compute_service.control import resize as moving
from compute_service.control.services import Services
from compute_service.control.snapshot import create_backup as begin_backup
from compute_service.control.snapshot import create_image as begin_image
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.domain.order import BackupOrder, LiveMigrationOrder

MIGRATE_TAKES_A_HOST = change("2.56")
HOST_IS_CHECKED = change("2.30")
CHECKED_LATER = change("2.34")
IMAGE_METADATA_UNCOUNTED = change("2.39")
IMAGE_IN_BODY = change("2.45")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f]")


def resize(ctx: Context, svc: Services, req: Request) -> None:
    """Make a server another size; it waits to be confirmed or reverted."""
    body = req.body(Resize)
    moving.resize(ctx, svc, req.server, str(body.flavor_ref), given(body.disk_config, None))


def confirm_resize(ctx: Context, svc: Services, req: Request) -> None:
    """Keep what a resize or a cold migration did."""
    moving.confirm_resize(ctx, svc, req.server)


def revert_resize(ctx: Context, svc: Services, req: Request) -> None:
    """Take back what a resize or a cold migration did."""
    moving.revert_resize(ctx, svc, req.server)


def migrate(ctx: Context, svc: Services, req: Request) -> None:
    """Move a server to another host while it is off."""
    host = given(req.body(Migrate).host, None) if req.at_least(MIGRATE_TAKES_A_HOST) else None
    if host is not None:
        req.enforce(policy.MIGRATE_HOST)
    moving.migrate(ctx, svc, req.server, host)


def migrate_live(ctx: Context, svc: Services, req: Request) -> None:
    """Move a server to another host while it runs. Below 2.34 both have agreed when this is answered."""
    body = req.body(MigrateLive)
    if body.host is not None:
        req.enforce(policy.MIGRATE_LIVE_HOST)
    force = given(body.force, False)
    if force and body.host is None:
        raise Invalid("Can't force to a non-provided destination")
    order = LiveMigrationOrder(
        host=body.host,
        force=force or (body.host is not None and not req.at_least(HOST_IS_CHECKED)),
        block=None if body.block_migration == "auto" else bool(body.block_migration),
        over_commit=given(body.disk_over_commit, False),
    )
    flow = live.live_migrate(ctx, svc, req.server, order)
    if not req.at_least(CHECKED_LATER):
        live.agreed(svc, req.server, flow)


def create_image(ctx: Context, svc: Services, req: Request) -> Reply:
    """Begin to make an image of a server."""
    body = req.body(CreateImage)
    if not req.server.instance.image_ref:
        req.enforce(policy.CREATE_IMAGE_VOLUME_BACKED)
    image_id = begin_image(
        ctx,
        svc,
        req.server,
        body.name,
        given(body.metadata, {}),
        count_metadata=not req.at_least(IMAGE_METADATA_UNCOUNTED),
    )
    return _image_reply(svc, req, image_id)


def create_backup(ctx: Context, svc: Services, req: Request) -> Reply:
    """Begin to make an image of a server, one of so many."""
    body = req.body(CreateBackup)
    order = BackupOrder(
        name=body.name,
        backup_type=body.backup_type,
        rotation=body.rotation,
        metadata=given(body.metadata, {}),
        count_metadata=not req.at_least(IMAGE_METADATA_UNCOUNTED),
    )
    return _image_reply(svc, req, begin_backup(ctx, svc, req.server, order))


def _image_reply(svc: Services, req: Request, image_id: str | None) -> Reply:
    if req.at_least(IMAGE_IN_BODY):
        return Reply(view=ImageCreated(image_id=image_id))
    if image_id is None:
        return Reply()
    return Reply(headers=(("Location", f"{_images_root(svc, req)}/images/{image_id}"),))


def _images_root(svc: Services, req: Request) -> str:
    """Return where images are found: as configured, else beside this API."""
    root = svc.settings.api.glance_link_prefix or req.links.bookmark
    return root.rstrip("/")


def console_output(ctx: Context, svc: Services, req: Request) -> ConsoleText:
    """Return the last lines of a server's console log."""
    length = given(req.body(ConsoleOutput).length, None)
    text = console.console_output(ctx, svc, req.server, length)
    return ConsoleText(output=_UNPRINTABLE.sub("", text))
