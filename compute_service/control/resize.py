"""Resize, cold migrate, confirm and revert."""

from __future__ import annotations

from compute_service.control.act import Work, admit, check
from compute_service.control.flavors import flavor_for
from compute_service.control.images import disk_config_of, image_check, image_of
from compute_service.control.liveness import host_must_be_up
from compute_service.control.quota import Counted, budget, counted
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import FlowRecord
from compute_service.domain.group import ServerGroup
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration, MigrationType
from compute_service.domain.request import PlacementRequest
from compute_service.flows.kinds.confirm_resize import SettleParams
from compute_service.flows.kinds.moved import before
from compute_service.flows.kinds.resize import ResizeParams, migration_of
from compute_service.flows.kinds.revert_resize import RevertParams
from compute_service.store.database import Tx
from compute_service.store.groups import group_get
from compute_service.store.mappings import host_mapping_get, instance_mapping_resize
from compute_service.store.migrations import (
    MigrationQuery,
    migration_insert,
    migration_of_instance,
    migration_page,
    migration_update,
)
from compute_service.store.servers import Located


def resize(
    ctx: Context, svc: Services, server: Located, flavor_ref: str, disk_config: str | None = None
) -> str:
    """Make a server another size. Raises Invalid, OverQuota, InvalidState, Conflict (its host is down)."""
    check(ctx, svc, server, ACTIONS["resize"])
    seen = server.instance
    flavor = flavor_for(ctx, svc, flavor_ref)
    _check_flavor(seen, flavor)
    image = image_of(seen)
    auto = None if disk_config is None else disk_config_of(image, disk_config)
    stay = svc.settings.default.allow_resize_to_same_host
    request = move_request(ctx, svc, server, flavor, leave=not stay)
    used = counted(svc, seen.project_id, seen.user_id)

    def params(now: Instance) -> ResizeParams:
        return _params(now, "resize", flavor, request).replace(auto_disk_config=auto)

    def also(tx: Tx, now: Instance, flow: FlowRecord) -> None:
        migration_insert(tx, migration_of(flow, now, params(now), svc.clock.now()))
        _make_room(svc, now, flavor, used)

    return admit(ctx, svc, server, Work("resize", params, also=also))


def migrate(ctx: Context, svc: Services, server: Located, host: str | None = None) -> str:
    """Move a server to another host, or to the one named, while it is off.

    Raises Invalid, InvalidState, Conflict (its host is down).
    """
    check(ctx, svc, server, ACTIONS["migrate"])
    seen = server.instance
    if host is not None:
        _check_target(svc, server, host)
    request = move_request(ctx, svc, server, seen.flavor, leave=True).replace(requested_host=host)

    def params(now: Instance) -> ResizeParams:
        return _params(now, "migration", now.flavor, request)

    def also(tx: Tx, now: Instance, flow: FlowRecord) -> None:
        migration_insert(tx, migration_of(flow, now, params(now), svc.clock.now()))

    return admit(ctx, svc, server, Work("migrate", params, also=also))


def _params(seen: Instance, kind: MigrationType, flavor: Flavor, request: PlacementRequest) -> ResizeParams:
    return ResizeParams(
        uuid=seen.uuid,
        host=seen.host,
        kind=kind,
        was=seen.vm_state,
        old=seen.flavor,
        new=flavor.replace(projects=()),
        request=request,
    )


def _check_flavor(seen: Instance, flavor: Flavor) -> None:
    old = seen.flavor
    if flavor.flavorid == old.flavorid:
        raise Invalid("When resizing, instances must change flavor!")
    problem = "Server disk was unable to be resized because: "
    if flavor.root_gb == 0 and old.root_gb != 0:
        raise Invalid(problem + "Resize to zero disk flavor is not allowed.")
    if flavor.root_gb < old.root_gb or flavor.ephemeral_gb < old.ephemeral_gb:
        raise Invalid(problem + "the new flavor has a smaller disk.")
    image = image_of(seen)
    if image is not None:
        image_check(image, flavor)


def _check_target(svc: Services, server: Located, host: str) -> None:
    if host == server.instance.host:
        raise Invalid("Cannot migrate to the host where the server exists.")
    with svc.store.api.read() as tx:
        mapping = host_mapping_get(tx, host)
    if mapping is None or mapping.cell != server.database:
        raise Invalid(f"Compute host {host} could not be found.")


def move_request(
    ctx: Context, svc: Services, server: Located, flavor: Flavor, leave: bool
) -> PlacementRequest:
    """Return what the scheduler is asked for a server that moves: to another host if it is to `leave`."""
    seen = server.instance
    left = (seen.host,) if leave and seen.host is not None else ()
    return PlacementRequest(
        project_id=seen.project_id,
        user_id=seen.user_id,
        flavor=flavor.replace(projects=()),
        image=image_of(seen),
        availability_zone=seen.pinned_availability_zone,
        hints=seen.scheduler_hints,
        group=_group(svc, seen),
        ignore_hosts=(*left, *_not_yet_vacated(svc, server)),
        cell=server.database,
        current_host=seen.host,
        request_id=ctx.request_id,
        is_admin=ctx.is_admin,
    )


def _not_yet_vacated(svc: Services, server: Located) -> list[str]:
    """Return the hosts that a server was evacuated from and that may still have a guest of it."""
    query = MigrationQuery(instance_uuid=server.instance.uuid, status="done", hidden=None)
    with svc.store.database(server.database).read() as tx:
        moves = migration_page(tx, query)
    return sorted({move.source_compute for move in moves if move.source_compute is not None})


def _group(svc: Services, seen: Instance) -> ServerGroup | None:
    if seen.group_uuid is None:
        return None
    with svc.store.api.read() as tx:
        return group_get(tx, seen.group_uuid)


def _make_room(svc: Services, seen: Instance, flavor: Flavor, used: Counted) -> None:
    """Let the server count with the greater of both sizes until the move is settled. Raises OverQuota.

    This is a transaction of the API database within the one that claims the server in its cell: what is
    refused here is not claimed there.
    """
    cores = max(flavor.vcpus - seen.flavor.vcpus, 0)
    ram = max(flavor.memory_mb - seen.flavor.memory_mb, 0)
    with svc.store.api.write() as tx:
        budget(tx, svc.settings, seen.project_id, seen.user_id, used).check({"cores": cores, "ram": ram})
        room = (seen.flavor.vcpus + cores, seen.flavor.memory_mb + ram)
        instance_mapping_resize(tx, seen.uuid, *room, flavor)


def confirm_resize(ctx: Context, svc: Services, server: Located) -> str:
    """Accept a server's new place and size. Raises Invalid (not moved), Conflict (the source is down)."""
    check(ctx, svc, server, ACTIONS["confirm_resize"])
    move = _finished(svc, server)
    if move.source_compute is not None:
        host_must_be_up(svc, server.database, move.source_compute)

    def params(now: Instance) -> SettleParams:
        return SettleParams(uuid=now.uuid, host=move.source_compute, migration=move.uuid, flavor=now.flavor)

    work = Work("confirm_resize", params, also=lambda tx, now, flow: _take(tx, move, "confirming"))
    return admit(ctx, svc, server, work)


def revert_resize(ctx: Context, svc: Services, server: Located) -> str:
    """Take a server back to where and what it was. Raises Invalid when it was not moved."""
    check(ctx, svc, server, ACTIONS["revert_resize"])
    move = _finished(svc, server)

    def params(now: Instance) -> RevertParams:
        return RevertParams(
            uuid=now.uuid,
            host=move.source_compute,
            node=move.source_node,
            target=now.host or "",
            migration=move.uuid,
            flavor=before(now).flavor,
        )

    work = Work("revert_resize", params, also=lambda tx, now, flow: _take(tx, move, "reverting"))
    return admit(ctx, svc, server, work)


def _finished(svc: Services, server: Located) -> Migration:
    with svc.store.database(server.database).read() as tx:
        found = migration_of_instance(tx, server.instance.uuid, ("finished",))
    if found is None:
        raise Invalid("Instance has not been resized.")
    return found


def _take(tx: Tx, move: Migration, status: str) -> None:
    """Say that a finished move is being settled, once."""
    if migration_update(tx, move.uuid, ("finished",), status=status) is None:
        raise Invalid("Instance has not been resized.")
