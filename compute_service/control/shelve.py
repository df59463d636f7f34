"""Shelve, shelve offload and unshelve."""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from compute_service.control.act import Work, act, admit, check
from compute_service.control.resize import move_request
from compute_service.control.services import Services
from compute_service.control.snapshot import image_from, with_image
from compute_service.control.whereabouts import zone_must_exist
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Invalid, InvalidState
from compute_service.domain.instance import Instance
from compute_service.domain.order import UnshelveOrder
from compute_service.domain.request import PlacementRequest
from compute_service.domain.states import VmState
from compute_service.flows.kinds.shelve import ShelveParams
from compute_service.flows.kinds.shelved import shelved_image
from compute_service.flows.kinds.unshelve import UnshelveOffloadedParams, UnshelveParams
from compute_service.store.aggregates import zones_by_host
from compute_service.store.mappings import host_mapping_get, instance_ordered_set
from compute_service.store.servers import Located


def shelve(ctx: Context, svc: Services, server: Located) -> str:
    """Stop a server and keep it as an image. Raises Invalid (it has no local root disk), InvalidState."""
    check(ctx, svc, server, ACTIONS["shelve"])
    image = image_from(ctx, svc, server.instance, f"{server.instance.display_name}-shelved", {})

    def params(now: Instance) -> ShelveParams:
        return ShelveParams(
            uuid=now.uuid,
            host=now.host,
            was=now.vm_state,
            image_id=image.id,
            disk_format=image.disk_format or None,
        )

    with_image(ctx, svc, server, Work("shelve", params), image)
    return image.id


def shelve_offload(ctx: Context, svc: Services, server: Located) -> str:
    """Take a shelved server from its host. Raises InvalidState."""
    return act(ctx, svc, server, "shelve_offload")


def unshelve(ctx: Context, svc: Services, server: Located, order: UnshelveOrder) -> str:
    """Have a shelved server run again.

    Raises InvalidState; Conflict (an order for a server that is still on its host, or a host outside of the
    zone); Invalid (no such zone or host).
    """
    check(ctx, svc, server, ACTIONS["unshelve"])
    seen = server.instance
    image_id = shelved_image(seen)
    if seen.vm_state is VmState.SHELVED:
        if order != UnshelveOrder():
            raise Conflict(
                f"Specifying an availability zone or a host when unshelving server {seen.uuid} with status "
                "SHELVED is not supported, it must be SHELVED_OFFLOADED."
            )
        return admit(ctx, svc, server, Work("unshelve", _params))
    if image_id is None:
        raise Conflict(f"Server {seen.uuid} has no image that it could be made from.")
    return _unshelve_offloaded(ctx, svc, server, order, image_id)


def _params(now: Instance) -> UnshelveParams:
    if now.vm_state is not VmState.SHELVED:
        raise InvalidState(now.uuid, "unshelve", "vm_state", now.vm_state)
    return UnshelveParams(uuid=now.uuid, host=now.host, image_id=shelved_image(now))


def _unshelve_offloaded(
    ctx: Context, svc: Services, server: Located, order: UnshelveOrder, image_id: str
) -> str:
    seen = server.instance
    zone = seen.pinned_availability_zone if isinstance(order.zone, UnsetType) else order.zone
    _check_place(svc, server, order, zone)
    request: PlacementRequest = move_request(ctx, svc, server, seen.flavor, leave=False).replace(
        availability_zone=zone, requested_host=order.host
    )

    def params(now: Instance) -> UnshelveOffloadedParams:
        return UnshelveOffloadedParams(uuid=now.uuid, image_id=image_id, request=request)

    def changes(now: Instance) -> dict[str, Any]:
        return {"pinned_availability_zone": zone}

    flow_id = admit(ctx, svc, server, Work("unshelve_offloaded", params, changes))
    if zone != seen.pinned_availability_zone:
        with svc.store.api.write() as tx:
            instance_ordered_set(tx, seen.uuid, pinned_availability_zone=zone)
    return flow_id


def _check_place(svc: Services, server: Located, order: UnshelveOrder, zone: str | None) -> None:
    with svc.store.api.read() as tx:
        if isinstance(order.zone, str):
            zone_must_exist(tx, svc, order.zone)
        if order.host is None:
            return
        mapping = host_mapping_get(tx, order.host)
        if mapping is None or mapping.cell != server.database:
            raise Invalid(f"Compute host {order.host} could not be found.")
        zone_of = zones_by_host(tx).get(order.host, svc.settings.default.default_availability_zone)
    if zone is not None and zone_of != zone:
        raise Conflict(f'Host "{order.host}" is not in the availability zone "{zone}".')
