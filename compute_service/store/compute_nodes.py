"""Hypervisors of one cell."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, delete, select, update

from compute_service.domain.errors import Conflict
from compute_service.domain.host import ComputeNode, HostFacts
from compute_service.store.database import Tx, Values
from compute_service.store.sql import dump, insert_new
from compute_service.store.tables.hosts import compute_nodes

_t = compute_nodes.c
_SELECT = select(
    _t.uuid,
    _t.service_uuid,
    _t.host,
    _t.facts,
    _t.host_ip,
    _t.id,
    _t.mapped,
    _t.running_vms,
    _t.cpu_allocation_ratio,
    _t.ram_allocation_ratio,
    _t.disk_allocation_ratio,
    _t.created_at,
    _t.updated_at,
)
_RENEW = update(compute_nodes).where(_t.host == bindparam("on"), _t.hypervisor_hostname == bindparam("named"))
_facts = msgspec.json.Decoder(HostFacts).decode


def _node(tx: Tx, row: Values) -> ComputeNode:
    return ComputeNode(
        uuid=row[0],
        service_uuid=row[1],
        host=row[2],
        facts=_facts(row[3]),
        cell=tx.database,
        host_ip=row[4],
        id=row[5],
        mapped=bool(row[6]),
        running_vms=row[7],
        cpu_allocation_ratio=row[8],
        ram_allocation_ratio=row[9],
        disk_allocation_ratio=row[10],
        created_at=row[11],
        updated_at=row[12],
    )


def compute_node_get(tx: Tx, uuid: str) -> ComputeNode | None:
    """Return a hypervisor by UUID, or None."""
    row = tx.one(_SELECT.where(_t.uuid == uuid))
    return None if row is None else _node(tx, row)


def compute_node_of_host(tx: Tx, host: str, node: str | None = None) -> ComputeNode | None:
    """Return the hypervisor of a host (the one named `node`, or its first), or None."""
    statement = _SELECT.where(_t.host == host).order_by(_t.id)
    if node is not None:
        statement = statement.where(_t.hypervisor_hostname == node)
    row = tx.one(statement.limit(1))
    return None if row is None else _node(tx, row)


def compute_node_list(
    tx: Tx,
    host: str | None = None,
    uuids: Sequence[str] | None = None,
    hostname_part: str | None = None,
    mapped: bool | None = None,
) -> list[ComputeNode]:
    """Return the cell's hypervisors by id; `hostname_part` is looked for in the hypervisor's host name."""
    statement = _SELECT.order_by(_t.id)
    if host is not None:
        statement = statement.where(_t.host == host)
    if uuids is not None:
        statement = statement.where(_t.uuid.in_(uuids))
    if hostname_part is not None:
        statement = statement.where(_t.hypervisor_hostname.contains(hostname_part, autoescape=True))
    if mapped is not None:
        statement = statement.where(_t.mapped == mapped)
    return [_node(tx, row) for row in tx.all(statement)]


def compute_node_upsert(tx: Tx, node: ComputeNode) -> ComputeNode:
    """Register a hypervisor by UUID, or renew what is known of it; `mapped` stays as it is.

    Raises Conflict when another UUID has the same host and hypervisor host name.
    """
    values = {
        "service_uuid": node.service_uuid,
        "host": node.host,
        "hypervisor_hostname": node.facts.hypervisor_hostname,
        "host_ip": node.host_ip,
        "running_vms": node.running_vms,
        "cpu_allocation_ratio": node.cpu_allocation_ratio,
        "ram_allocation_ratio": node.ram_allocation_ratio,
        "disk_allocation_ratio": node.disk_allocation_ratio,
        "facts": dump(node.facts),
    }
    renew = update(compute_nodes).where(_t.uuid == node.uuid).values(**values, updated_at=tx.now())
    if tx.execute(renew).rowcount == 0:
        new = {**values, "uuid": node.uuid, "mapped": node.mapped, "created_at": node.created_at or tx.now()}
        insert_new(tx, compute_nodes, new)
    found = compute_node_get(tx, node.uuid)
    if found is None:
        raise Conflict(f"Host {node.host} has another hypervisor {node.facts.hypervisor_hostname} already.")
    return found


def compute_node_renew(tx: Tx, host: str, facts: HostFacts, running_vms: int | None = None) -> bool:
    """Renew what is known of a registered hypervisor; False when there is none of that host and name.

    One statement, which needs no transaction. Without `running_vms` their number stays.
    """
    values = {"facts": dump(facts), "updated_at": tx.now()}
    if running_vms is not None:
        values["running_vms"] = running_vms
    found = {"on": host, "named": facts.hypervisor_hostname}
    return tx.execute(_RENEW, {**values, **found}).rowcount == 1


def compute_node_set_mapped(tx: Tx, uuids: Sequence[str], mapped: bool = True) -> None:
    """Note that hypervisors' hosts were given to their cell (or must be again)."""
    tx.execute(update(compute_nodes).where(_t.uuid.in_(uuids)).values(mapped=mapped))


def compute_node_delete(tx: Tx, uuid: str) -> bool:
    """Remove a hypervisor; returns whether it was there."""
    return tx.execute(delete(compute_nodes).where(_t.uuid == uuid)).rowcount == 1


def compute_nodes_delete_of_service(tx: Tx, service_uuid: str) -> int:
    """Remove the hypervisors of a service; returns how many there were."""
    return tx.execute(delete(compute_nodes).where(_t.service_uuid == service_uuid)).rowcount
