"""Finds hosts that registered in a cell and maps them to it, so that servers may be placed there."""

from __future__ import annotations

from compute_service.store.compute_nodes import compute_node_list, compute_node_set_mapped
from compute_service.store.engine import Store
from compute_service.store.mappings import host_mapping_insert


def discover_hosts(store: Store, cell: str) -> list[str]:
    """Map the hosts of a cell that are not mapped yet; return their names.

    Raises Conflict when a host of that name is in another cell, Unavailable when the cell does not answer.
    """
    database = store.database(cell)
    with database.read() as tx:
        nodes = compute_node_list(tx, mapped=False)
    if not nodes:
        return []
    new: list[str] = []
    with store.api.write() as tx:
        for host in sorted({node.host for node in nodes}):
            if host_mapping_insert(tx, host, cell):
                new.append(host)
    with database.write() as tx:
        compute_node_set_mapped(tx, [node.uuid for node in nodes])
    return new
