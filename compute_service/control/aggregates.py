"""Host aggregates: their hosts and metadata, availability zones, and their mirror in placement.

A host is in one availability zone: an aggregate that makes another of it is refused, and so is a change of
zone under servers that were placed by it. Placement's aggregates are changed after ours; a repeated request
mends what a failure left undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from compute_service.control.notices import tell_aggregate
from compute_service.control.services import Services
from compute_service.control.zones import zone_of_host
from compute_service.domain.aggregate import Aggregate
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.host import ComputeNode
from compute_service.domain.instance import Instance
from compute_service.store.aggregates import (
    aggregate_add_host,
    aggregate_delete,
    aggregate_get,
    aggregate_insert,
    aggregate_list,
    aggregate_remove_host,
    aggregate_rename,
    aggregate_set_metadata,
    aggregates_of_host,
)
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.database import Tx
from compute_service.store.instances import instances_on_host, instances_set_zone
from compute_service.store.mappings import host_mapping_get, hosts_changed

ZONE = "availability_zone"


def list_aggregates(ctx: Context, svc: Services) -> list[Aggregate]:
    """Return all aggregates."""
    with svc.store.api.read() as tx:
        return aggregate_list(tx)


def find_aggregate(ctx: Context, svc: Services, aggregate_id: int) -> Aggregate:
    """Return an aggregate. Raises NotFound."""
    with svc.store.api.read() as tx:
        found = aggregate_get(tx, aggregate_id)
    if found is None:
        raise NotFound(f"Aggregate {aggregate_id} could not be found.")
    return found


def create_aggregate(ctx: Context, svc: Services, name: str, zone: str | None = None) -> Aggregate:
    """Add an aggregate, which is an availability zone if one is named. Raises Conflict, Invalid."""
    _check_zone(zone)
    metadata = {} if zone is None else {ZONE: zone}
    wanted = Aggregate(uuid=str(uuid4()), name=name, metadata=metadata, created_at=svc.clock.now())
    tell_aggregate(svc, "create", "start", wanted)
    with svc.store.api.write() as tx:
        made = aggregate_insert(tx, wanted)
    tell_aggregate(svc, "create", "end", made)
    return made


def update_aggregate(
    ctx: Context, svc: Services, aggregate_id: int, name: str | None = None, zone: str | None = None
) -> Aggregate:
    """Rename an aggregate or make it another zone. Raises NotFound, Conflict, Invalid."""
    found = find_aggregate(ctx, svc, aggregate_id)
    if zone is not None:
        found = set_metadata(ctx, svc, aggregate_id, {ZONE: zone})
    if name is not None and name != found.name:
        tell_aggregate(svc, "update_prop", "start", found)
        with svc.store.api.write() as tx:
            found = aggregate_rename(tx, aggregate_id, name)
        tell_aggregate(svc, "update_prop", "end", found)
    return found


def set_metadata(
    ctx: Context, svc: Services, aggregate_id: int, changes: Mapping[str, str | None]
) -> Aggregate:
    """Set metadata items; one given as None is removed. Raises NotFound, Conflict (of zones), Invalid."""
    found = find_aggregate(ctx, svc, aggregate_id)
    if ZONE in changes and changes[ZONE] != found.availability_zone:
        _check_zone(changes[ZONE])
        _check_hosts(svc, found, changes[ZONE])
    tell_aggregate(svc, "update_metadata", "start", found)
    with svc.store.api.write() as tx:
        changed = aggregate_set_metadata(tx, aggregate_id, changes)
        hosts_changed(tx)
    tell_aggregate(svc, "update_metadata", "end", changed)
    return changed


def delete_aggregate(ctx: Context, svc: Services, aggregate_id: int) -> None:
    """Remove an aggregate. Raises NotFound, or Invalid while it has hosts."""
    found = find_aggregate(ctx, svc, aggregate_id)
    if found.hosts:
        raise Invalid(f"Cannot delete aggregate {aggregate_id}: Host aggregate is not empty.")
    tell_aggregate(svc, "delete", "start", found)
    with svc.store.api.write() as tx:
        aggregate_delete(tx, aggregate_id)
    tell_aggregate(svc, "delete", "end", found)


def add_host(ctx: Context, svc: Services, aggregate_id: int, host: str) -> Aggregate:
    """Put a host into an aggregate, here and in placement.

    Raises NotFound (aggregate or host), Conflict (it is in it, or in another zone, or has servers that were
    ordered in another zone).
    """
    nodes = _nodes(svc, host)
    found = find_aggregate(ctx, svc, aggregate_id)
    if found.availability_zone is not None:
        _servers_must_agree(svc, host, found.availability_zone)
    tell_aggregate(svc, "add_host", "start", found, host)
    with svc.store.api.write() as tx:
        seen = aggregate_get(tx, aggregate_id)
        if seen is not None and seen.availability_zone is not None:
            _check_host(tx, seen, host, seen.availability_zone)
        changed = aggregate_add_host(tx, aggregate_id, host)
    _settle_zone(svc, nodes[0].cell, host)
    _mirror(svc, nodes, changed.uuid, present=True)
    tell_aggregate(svc, "add_host", "end", changed, host)
    return changed


def remove_host(ctx: Context, svc: Services, aggregate_id: int, host: str) -> Aggregate:
    """Take a host out of an aggregate, here and in placement.

    Raises NotFound, or Conflict while it has servers that were ordered in its zone.
    """
    found = find_aggregate(ctx, svc, aggregate_id)
    nodes = _nodes(svc, host)
    if found.availability_zone is not None and host in found.hosts:
        _servers_must_agree(svc, host, svc.settings.default.default_availability_zone)
    tell_aggregate(svc, "remove_host", "start", found, host)
    with svc.store.api.write() as tx:
        changed = aggregate_remove_host(tx, aggregate_id, host)
    _settle_zone(svc, nodes[0].cell, host)
    _mirror(svc, nodes, changed.uuid, present=False)
    tell_aggregate(svc, "remove_host", "end", changed, host)
    return changed


def cache_images(ctx: Context, svc: Services, aggregate_id: int, images: tuple[str, ...]) -> None:
    """Have the hosts of an aggregate fetch images ahead of use. Raises NotFound, Invalid."""
    if len(set(images)) != len(images):
        raise Invalid("Duplicate images in request")
    found = find_aggregate(ctx, svc, aggregate_id)
    for image in images:
        try:
            svc.images.show(image, ctx)
        except NotFound as error:
            raise Invalid(error.message) from error
    for host in found.hosts:
        for node in _nodes(svc, host)[:1]:
            svc.agent(node.cell, host).cache_images(images)


def _check_zone(zone: str | None) -> None:
    if zone is not None and (not zone.strip() or ":" in zone):
        raise Invalid(f"Invalid availability zone name '{zone}': it may not be empty or have a colon.")


def _check_hosts(svc: Services, aggregate: Aggregate, zone: str | None) -> None:
    """Refuse a zone that hosts of an aggregate cannot be in. Raises Invalid."""
    for host in aggregate.hosts:
        if _servers(svc, host):
            raise Invalid("Cannot update aggregate: One or more hosts contain instances in this zone")
    if zone is None:
        return
    with svc.store.api.read() as tx:
        for host in aggregate.hosts:
            try:
                _check_host(tx, aggregate, host, zone)
            except Conflict as error:
                raise Invalid(error.message) from error


def _check_host(tx: Tx, aggregate: Aggregate, host: str, zone: str) -> None:
    for other in aggregates_of_host(tx, host):
        theirs = other.availability_zone
        if other.id != aggregate.id and theirs is not None and theirs != zone:
            raise Conflict(
                f"Cannot perform action on aggregate {aggregate.id}: Host {host} already in availability "
                f"zone {theirs}."
            )


def _servers_must_agree(svc: Services, host: str, zone: str) -> None:
    """Refuse a zone for a host that has servers which were ordered in another. Raises Conflict."""
    for server in _servers(svc, host):
        if server.pinned_availability_zone not in (None, zone):
            raise Conflict(
                f"Host {host} cannot be in availability zone {zone}: server {server.uuid} was ordered in "
                f"{server.pinned_availability_zone}."
            )


def _settle_zone(svc: Services, cell: str, host: str) -> None:
    """Let the servers of a host be in the zone that the host is in now."""
    zone = zone_of_host(svc, host)
    with svc.store.database(cell).write() as tx:
        instances_set_zone(tx, host, zone)


def _servers(svc: Services, host: str) -> list[Instance]:
    with svc.store.api.read() as tx:
        mapping = host_mapping_get(tx, host)
    if mapping is None:
        return []
    with svc.store.database(mapping.cell).read() as tx:
        return instances_on_host(tx, host)


def _nodes(svc: Services, host: str) -> list[ComputeNode]:
    """Return the hypervisors of a host. Raises NotFound for a host that is not mapped or has none."""
    with svc.store.api.read() as tx:
        mapping = host_mapping_get(tx, host)
    if mapping is None:
        raise NotFound(f"Host '{host}' is not mapped to any cell")
    with svc.store.database(mapping.cell).read() as tx:
        nodes = compute_node_list(tx, host=host)
    if not nodes:
        raise NotFound(f"Compute host {host} could not be found.")
    return nodes


def _mirror(svc: Services, nodes: list[ComputeNode], aggregate: str, present: bool) -> None:
    """Have placement know whether hypervisors are in an aggregate, and schedulers look again."""
    for node in nodes:
        provider = svc.placement.provider(node.uuid)
        if provider is None:
            continue
        others = {one for one in provider.aggregates if one != aggregate}
        wanted = others | {aggregate} if present else others
        if wanted != set(provider.aggregates):
            svc.placement.set_aggregates(node.uuid, tuple(sorted(wanted)))
    with svc.store.api.write() as tx:
        hosts_changed(tx)
