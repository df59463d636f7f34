"""Services and the hosts they run on: listed, enabled, disabled, forced down, removed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from compute_service.control.liveness import COMPUTE, host_is_up, is_up
from compute_service.control.notices import tell_service
from compute_service.control.services import Services
from compute_service.control.zones import all_services
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Conflict, Invalid, NotFound, Unavailable
from compute_service.domain.host import ComputeNode, Service
from compute_service.domain.record import Record
from compute_service.store.aggregates import aggregate_remove_host, aggregates_of_host, zones_by_host
from compute_service.store.compute_nodes import compute_node_delete, compute_node_list
from compute_service.store.instances import instances_on_host
from compute_service.store.mappings import host_mapping_delete, hosts_changed
from compute_service.store.migrations import migration_count_on_host
from compute_service.store.services import service_delete, service_get, service_list, service_update

DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"
_IN_PROGRESS = (
    "accepted",
    "queued",
    "preparing",
    "pre-migrating",
    "migrating",
    "post-migrating",
    "running",
    "confirming",
    "reverting",
    "finished",
)
_EVACUATED = ("done",)


class ServiceView(Record):
    """A service with what is known of it now."""

    service: Service
    zone: str
    up: bool


def list_services(
    ctx: Context, svc: Services, host: str | None = None, binary: str | None = None
) -> list[ServiceView]:
    """Return the services of all cells that answer, of one host or binary if asked."""
    found = [one for one in all_services(svc) if host in (None, one.host) and binary in (None, one.binary)]
    with svc.store.api.read() as tx:
        zone_of = zones_by_host(tx)
    return [view_of(svc, one, zone_of) for one in found]


def view_of(svc: Services, service: Service, zone_of: dict[str, str]) -> ServiceView:
    """Return a service as it is shown, given the zones of hosts."""
    default = svc.settings.default
    compute = service.binary == COMPUTE
    zone = (
        zone_of.get(service.host, default.default_availability_zone)
        if compute
        else default.internal_service_availability_zone
    )
    up = is_up(service, svc.clock.now(), default.service_down_time)
    return ServiceView(service=service, zone=zone, up=up)


def count_services(svc: Services) -> Counter[tuple[str, str]]:
    """Return how many services there are by binary and state (up, down, disabled), in the cells that answer.

    One that is disabled on purpose counts as that, whether it is up or not.
    """
    now, limit = svc.clock.now(), svc.settings.default.service_down_time
    return Counter(
        (one.binary, "disabled" if one.disabled else "up" if is_up(one, now, limit) else "down")
        for one in all_services(svc)
    )


def find_service(ctx: Context, svc: Services, uuid: str) -> Service:
    """Return a service of whatever cell. Raises NotFound, or Unavailable when a cell does not answer."""
    return _only(svc, lambda tx: service_get(tx, uuid), f"Service {uuid} could not be found.")


def find_service_of_host(ctx: Context, svc: Services, host: str, binary: str) -> Service:
    """Return the service of a host by its binary. Raises NotFound, Unavailable."""
    return _only(
        svc,
        lambda tx: next(iter(service_list(tx, host, binary)), None),
        f"Could not find binary {binary} on host {host}.",
    )


def _only(svc: Services, look: Any, missing: str) -> Service:
    names = [name for name in svc.store.names() if name != svc.store.api.name]
    answers = svc.store.fan_out(look, names)
    found = [one for one in answers.values() if isinstance(one, Service)]
    if found:
        return found[0]
    broken = [one for one in answers.values() if isinstance(one, ComputeError)]
    if broken:
        raise Unavailable(broken[0].message)
    raise NotFound(missing)


def update_service(
    ctx: Context,
    svc: Services,
    service: Service,
    *,
    disabled: bool | None = None,
    reason: str | None = None,
    forced_down: bool | None = None,
) -> ServiceView:
    """Enable, disable or force down a compute service, and tell placement and the host.

    Raises Invalid for another kind of service, a reason without disabling, or a host that may not come up
    because servers evacuated from it are not cleaned up.
    """
    if service.binary != COMPUTE:
        raise Invalid(
            f"Updating a {service.binary} service is not supported. Only {COMPUTE} services can be."
        )
    if reason is not None and disabled is not True:
        raise Invalid("Specifying disabled_reason requires that status is disabled.")
    changes: dict[str, Any] = {}
    if disabled is not None:
        changes |= {"disabled": disabled, "disabled_reason": reason if disabled else None}
    if forced_down is not None:
        changes["forced_down"] = forced_down
    with svc.store.database(service.cell).write() as tx:
        if forced_down is False and migration_count_on_host(tx, service.host, _EVACUATED):
            raise Invalid(
                f"Unable to force down service on host {service.host}: servers that were evacuated from it "
                "are not cleaned up yet."
            )
        changed = service_update(tx, service.uuid, **changes) if changes else service
    if changes:
        _note_change(svc)
        tell_service(svc, "update", changed)
    if disabled is not None:
        _tell(svc, changed)
    with svc.store.api.read() as tx:
        zone_of = zones_by_host(tx)
    return view_of(svc, changed.replace(cell=service.cell), zone_of)


def _note_change(svc: Services) -> None:
    with svc.store.api.write() as tx:
        hosts_changed(tx)


def _tell(svc: Services, service: Service) -> None:
    """Have the trait of disabled hosts put up or taken away: by the host when it is up, else from here."""
    if host_is_up(svc, service.cell, service.host):
        try:
            svc.agent(service.cell, service.host).set_disabled(service.disabled)
        except Unavailable:
            _set_trait(svc, service)
        return
    _set_trait(svc, service)


def _set_trait(svc: Services, service: Service) -> None:
    for node in _nodes(svc, service):
        try:
            svc.placement.set_trait(node.uuid, DISABLED_TRAIT, service.disabled)
        except NotFound:
            continue


def _nodes(svc: Services, service: Service) -> list[ComputeNode]:
    with svc.store.database(service.cell).read() as tx:
        return compute_node_list(tx, host=service.host)


def delete_service(ctx: Context, svc: Services, service: Service) -> None:
    """Remove a service; with a compute service goes all that is known of its host.

    Raises Conflict while it has servers or moves in progress.
    """
    if service.binary != COMPUTE:
        with svc.store.database(service.cell).write() as tx:
            service_delete(tx, service.uuid)
        tell_service(svc, "delete", service)
        return
    nodes = _nodes(svc, service)
    with svc.store.database(service.cell).read() as tx:
        if instances_on_host(tx, service.host):
            raise Conflict(
                "Unable to delete compute service that is hosting instances. Migrate or delete the instances "
                "first."
            )
        if migration_count_on_host(tx, service.host, _IN_PROGRESS):
            raise Conflict(
                "Unable to delete compute service that has in-progress migrations. Complete the migrations "
                "or delete the instances first."
            )
    for node in nodes:
        svc.placement.delete_provider(node.uuid)
    with svc.store.api.write() as tx:
        for aggregate in aggregates_of_host(tx, service.host):
            aggregate_remove_host(tx, aggregate.id, service.host)
        host_mapping_delete(tx, service.host)
        hosts_changed(tx)
    with svc.store.database(service.cell).write() as tx:
        for node in nodes:
            compute_node_delete(tx, node.uuid)
        service_delete(tx, service.uuid)
    tell_service(svc, "delete", service)
