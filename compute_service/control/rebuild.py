"""Rebuild: accept a server's new image and whatever else changes with it."""

from __future__ import annotations

from typing import Any

from compute_service.control.act import Work, admit, check
from compute_service.control.create import injected_sizes, server_keypair
from compute_service.control.find import find_server
from compute_service.control.images import (
    disk_config_of,
    image_check,
    image_find,
    image_notes,
    without_image_notes,
)
from compute_service.control.names import new_password
from compute_service.control.quota import check_files, check_metadata, limits_in
from compute_service.control.sealing import seal
from compute_service.control.services import Services
from compute_service.control.spec import ADMIN_PASSWORD
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.domain.order import RebuildOrder
from compute_service.domain.record import Record
from compute_service.flows.kinds.rebuild import RebuildParams
from compute_service.store.mappings import instance_ordered_set
from compute_service.store.servers import Located

_AS_GIVEN = (
    "display_name",
    "display_description",
    "metadata",
    "user_data",
    "hostname",
    "trusted_certs",
    "access_ip_v4",
    "access_ip_v6",
    "injected_files",
)
"""What goes into the row as it was ordered."""


class Rebuilding(Record):
    """A rebuild that was accepted."""

    server: Located
    admin_password: str
    flow_id: str


def rebuild(ctx: Context, svc: Services, server: Located, order: RebuildOrder) -> Rebuilding:
    """Accept a rebuild. Raises Invalid, OverQuota, Locked, InvalidState, NotReady."""
    check(ctx, svc, server, ACTIONS["rebuild"])
    image = image_find(ctx, svc, order.image_ref)
    image_check(image, server.instance.flavor)
    fixed = _fixed_changes(ctx, svc, order, image)
    password = order.admin_password or new_password(svc.settings.default.password_length)
    sealed = seal(svc.settings, password)
    flow_id = admit(
        ctx,
        svc,
        server,
        Work(
            "rebuild",
            lambda now: RebuildParams(
                uuid=now.uuid, host=now.host, was=now.vm_state, preserve_ephemeral=order.preserve_ephemeral
            ),
            lambda now: {**fixed, **_image_changes(now, image, sealed)},
        ),
    )
    if image.id != server.instance.image_ref:
        with svc.store.api.write() as tx:
            instance_ordered_set(tx, server.instance.uuid, image_ref=image.id)
    return Rebuilding(
        server=find_server(ctx, svc, server.instance.uuid), admin_password=password, flow_id=flow_id
    )


def _fixed_changes(ctx: Context, svc: Services, order: RebuildOrder, image: Image) -> dict[str, Any]:
    """Return what changes whatever the row has now. Raises Invalid, OverQuota."""
    asked = order.changes
    with svc.store.api.read() as tx:
        limits = limits_in(tx, svc.settings, ctx.project_id, ctx.user_id)
    check_metadata(limits["metadata_items"], asked.get("metadata") or {})
    files = tuple(asked.get("injected_files") or ())
    check_files(limits, files, injected_sizes(files))
    changes = {name: asked[name] for name in _AS_GIVEN if name in asked}
    if "key_name" in asked:
        changes["key_name"] = asked["key_name"]
        changes["keypair"] = server_keypair(ctx, svc, asked["key_name"])
    if asked.get("disk_config") is not None:
        changes["auto_disk_config"] = disk_config_of(image, asked["disk_config"])
    return changes


def _image_changes(now: Instance, image: Image, sealed: str) -> dict[str, Any]:
    notes = {**without_image_notes(now.system_metadata), **image_notes(image), ADMIN_PASSWORD: sealed}
    disks = tuple(
        disk.replace(image_id=image.id) if disk.source_type == "image" else disk for disk in now.block_devices
    )
    return {
        "image_ref": image.id,
        "image_properties": image.properties,
        "kernel_id": image.properties.get("kernel_id", ""),
        "ramdisk_id": image.properties.get("ramdisk_id", ""),
        "block_devices": disks,
        "progress": 0,
        "system_metadata": notes,
    }
