"""Where a new server is to go, as far as the order says: zone, host, node, group."""

from __future__ import annotations

from typing import Any

from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Invalid
from compute_service.domain.group import ServerGroup
from compute_service.domain.order import ServerOrder
from compute_service.domain.record import Record
from compute_service.store.aggregates import zones_by_host
from compute_service.store.compute_nodes import compute_node_list, compute_node_of_host
from compute_service.store.database import Tx
from compute_service.store.groups import group_get
from compute_service.store.mappings import host_mapping_get


class Whereabouts(Record):
    """What an order says of where its servers go; None where it says nothing."""

    availability_zone: str | None = None
    force_host: str | None = None
    force_node: str | None = None
    requested_host: str | None = None
    requested_node: str | None = None
    group: ServerGroup | None = None


def whereabouts_of(ctx: Context, svc: Services, order: ServerOrder) -> Whereabouts:
    """Check and return where the servers of an order are to go. Raises Invalid."""
    zone, host, node = parse_zone(order.availability_zone)
    if (host or node) and (order.host or order.hypervisor_hostname):
        raise Invalid("A host cannot be named both in the availability zone and beside it.")
    zone = zone or svc.settings.default.default_schedule_zone
    with svc.store.api.read() as tx:
        if zone and host is None:
            zone_must_exist(tx, svc, zone)
        for named in (host, order.host):
            if named is not None and host_mapping_get(tx, named) is None:
                raise Invalid(f"Compute host {named} could not be found.")
        group = _group(tx, ctx, order.hints)
    if host is not None and node is not None:
        _node_must_be_on(svc, host, node)
    elif node or order.hypervisor_hostname:
        _node_must_exist(svc, node or order.hypervisor_hostname or "")
    return Whereabouts(
        availability_zone=zone,
        force_host=host,
        force_node=node,
        requested_host=order.host,
        requested_node=order.hypervisor_hostname,
        group=group,
    )


def parse_zone(text: str | None) -> tuple[str | None, str | None, str | None]:
    """Split `zone:host:node`, of which each part may be left out. Raises Invalid."""
    parts = (text or "").split(":")
    if len(parts) > 3:
        raise Invalid(f"Unable to parse availability_zone {text}: it has more than three parts.")
    zone, host, node = (part or None for part in (*parts, "", "")[:3])
    return zone, host, node


def zone_must_exist(tx: Tx, svc: Services, zone: str) -> None:
    """Refuse an availability zone that no host is in. Raises Invalid."""
    if zone != svc.settings.default.default_availability_zone and zone not in set(zones_by_host(tx).values()):
        raise Invalid("The requested availability zone is not available")


def _group(tx: Tx, ctx: Context, hints: dict[str, Any]) -> ServerGroup | None:
    asked = hints.get("group")
    uuid = asked[0] if isinstance(asked, list | tuple) and asked else asked
    if not uuid:
        return None
    group = group_get(tx, str(uuid))
    if group is None or group.project_id != ctx.project_id:
        raise Invalid(f"Instance group {uuid} could not be found.")
    return group


def _node_must_be_on(svc: Services, host: str, node: str) -> None:
    with svc.store.api.read() as tx:
        mapping = host_mapping_get(tx, host)
    if mapping is not None:
        with svc.store.database(mapping.cell).read() as tx:
            if compute_node_of_host(tx, host, node) is not None:
                return
    raise Invalid(f"Compute host {node} could not be found.")


def _node_must_exist(svc: Services, node: str) -> None:
    answers = svc.store.fan_out(lambda tx: compute_node_list(tx, hostname_part=node))
    found = [n for answer in answers.values() if not isinstance(answer, ComputeError) for n in answer]
    if all(one.facts.hypervisor_hostname != node for one in found):
        raise Invalid(f"Compute host {node} could not be found.")
