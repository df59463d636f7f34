"""createImage and createBackup: an image record is made for the user at once; a host fills it later.

The work is logged before the record is made, and waits for it: should this process die in between, the work
fails, and no record is left that nobody will fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from compute_service.control.act import Work, admit, check
from compute_service.control.bell import ring
from compute_service.control.images import image_of
from compute_service.control.quota import check_metadata, limits_in
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, Unavailable
from compute_service.domain.flow import FlowKey, FlowState
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.domain.order import BackupOrder
from compute_service.flows.kinds.backup import BackupParams, properties_of
from compute_service.flows.kinds.snapshot import SnapshotParams
from compute_service.store.flows import flow_cancel, flow_get
from compute_service.store.servers import Located

_NEVER_INHERITED = frozenset({"cache_in_nova", "bittorrent"})
_SIGNATURE = "img_signature"
_GIVEN_UP = frozenset({FlowState.UNWINDING, FlowState.FAILED, FlowState.STUCK})


def create_image(
    ctx: Context,
    svc: Services,
    server: Located,
    name: str,
    metadata: Mapping[str, str] | None = None,
    count_metadata: bool = False,
) -> str:
    """Begin a snapshot of a server's root disk and return its image's id.

    `count_metadata`: whether the quota of metadata items holds (below microversion 2.39). Raises
    InvalidState, OverQuota, Invalid (the server has no local root disk).
    """
    check(ctx, svc, server, ACTIONS["create_image"])
    seen = server.instance
    if count_metadata:
        _check_metadata(ctx, svc, metadata or {})
    image = image_from(ctx, svc, seen, name, metadata or {})

    def params(now: Instance) -> SnapshotParams:
        return SnapshotParams(
            uuid=now.uuid, host=now.host, image_id=image.id, disk_format=image.disk_format or None
        )

    with_image(ctx, svc, server, Work("create_image", params), image)
    return image.id


def create_backup(ctx: Context, svc: Services, server: Located, order: BackupOrder) -> str | None:
    """Begin a backup of a server's root disk; return its image's id, None for a row of none.

    Raises InvalidState, OverQuota, Invalid (the server has no local root disk).
    """
    check(ctx, svc, server, ACTIONS["create_backup"])
    if order.count_metadata:
        _check_metadata(ctx, svc, order.metadata)
    image = image_from(ctx, svc, server.instance, order.name, order.metadata)
    kept = properties_of(server.instance.uuid, order.backup_type)
    image = image.replace(properties={**image.properties, **kept})

    def params(now: Instance) -> BackupParams:
        return BackupParams(
            uuid=now.uuid,
            host=now.host,
            backup_type=order.backup_type,
            rotation=order.rotation,
            image_id=image.id if order.rotation else None,
            disk_format=image.disk_format or None,
        )

    work = Work("create_backup", params)
    if not order.rotation:
        admit(ctx, svc, server, work)
        return None
    with_image(ctx, svc, server, work, image)
    return image.id


def with_image(ctx: Context, svc: Services, server: Located, work: Work, image: Image) -> None:
    """Admit work that fills an image, and make that image's record. Raises what either raises."""
    flow_id = admit(ctx, svc, server, work)
    try:
        svc.images.create(image, ctx)
        _must_be_awaited(svc, server, flow_id, image.id)
    except Exception:
        with svc.store.database(server.database).alone() as tx:
            flow_cancel(tx, flow_id, "the image could not be made")
        raise
    finally:
        ring(svc, FlowKey(database=server.database, flow_id=flow_id))


def _check_metadata(ctx: Context, svc: Services, metadata: Mapping[str, str]) -> None:
    with svc.store.api.read() as tx:
        limits = limits_in(tx, svc.settings, ctx.project_id, ctx.user_id)
    check_metadata(limits["metadata_items"], metadata)


def _must_be_awaited(svc: Services, server: Located, flow_id: str, image_id: str) -> None:
    """Take the image back that nobody will fill, for it came too late. Raises Unavailable then."""
    with svc.store.database(server.database).read() as tx:
        flow = flow_get(tx, flow_id)
    if flow is None or flow.state in _GIVEN_UP:
        svc.images.delete(image_id)
        raise Unavailable("The image service took so long that the snapshot was given up.")


def image_from(ctx: Context, svc: Services, seen: Instance, name: str, metadata: Mapping[str, str]) -> Image:
    """Return the record of an image of a server's root disk, to be made. Raises Invalid (it has none)."""
    if not seen.image_ref:
        raise Invalid("A server without a local root disk cannot be made an image of.")
    base = image_of(seen)
    return Image(
        id=str(uuid4()),
        name=name,
        status="queued",
        owner=ctx.project_id,
        visibility="private",
        disk_format=base.disk_format if base is not None else "",
        container_format=base.container_format if base is not None else "bare",
        min_ram_mb=base.min_ram_mb if base is not None else 0,
        min_disk_gb=max(seen.flavor.root_gb, base.min_disk_gb if base is not None else 0),
        properties={**_inherited(svc, seen), **_own(ctx, seen), **metadata},
    )


def _inherited(svc: Services, seen: Instance) -> dict[str, str]:
    left_out = _NEVER_INHERITED | set(svc.settings.default.non_inheritable_image_properties)
    return {
        key: value
        for key, value in seen.image_properties.items()
        if key not in left_out and not key.startswith(_SIGNATURE)
    }


def _own(ctx: Context, seen: Instance) -> dict[str, str]:
    return {
        "image_type": "snapshot",
        "image_location": "snapshot",
        "image_state": "available",
        "instance_uuid": seen.uuid,
        "user_id": ctx.user_id,
        "owner_id": ctx.project_id,
        "base_image_ref": seen.image_ref,
        "boot_roles": ",".join(ctx.roles),
    }
