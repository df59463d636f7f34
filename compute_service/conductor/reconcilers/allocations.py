"""Releases what placement holds for servers that are deleted, and for migrations that have ended."""

from __future__ import annotations

import logging

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, NotFound, Unavailable
from compute_service.domain.host import ComputeNode
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.instances import instance_get
from compute_service.store.mappings import instance_mappings_get
from compute_service.store.migrations import migration_get

LOG = logging.getLogger(__name__)

ENDED = frozenset({"confirmed", "reverted", "completed", "error", "failed", "cancelled", "done"})
"""Statuses of migrations that hold nothing any more."""


class LostAllocations:
    """The reconciler of allocations: a few hosts a run, and only what was lost twice in a row."""

    name = "lost allocations"
    interval = 300.0
    HOSTS = 20
    """Hosts looked at in one run."""

    def __init__(self, svc: Services) -> None:
        self._svc = svc
        self._next = 0
        self._suspects: set[str] = set()

    def run(self) -> int:
        """Look at the next hosts."""
        nodes = self._nodes()
        if not nodes:
            return 0
        start = self._next % len(nodes)
        window = (nodes + nodes)[start : start + min(self.HOSTS, len(nodes))]
        self._next = start + len(window)
        count = 0
        for node in window:
            try:
                count += self._look_at(node)
            except Unavailable as error:
                LOG.warning("allocations cannot be compared: %s", error.message)
                return count
            except NotFound:
                continue  # Placement has no such host any more, or not yet: it holds nothing there.
        return count

    def _nodes(self) -> list[ComputeNode]:
        found: list[ComputeNode] = []
        for name, nodes in self._svc.store.fan_out(compute_node_list).items():
            if isinstance(nodes, ComputeError):
                LOG.warning("hosts of cell %s cannot be listed: %s", name, nodes.message)
            else:
                found += nodes
        return found

    def _look_at(self, node: ComputeNode) -> int:
        consumers = set(self._svc.placement.allocations_of_provider(node.uuid))
        lost = {consumer for consumer in consumers if consumer in self._lost(consumers, node.cell)}
        known = self._suspects & lost
        self._suspects = (self._suspects - consumers) | lost
        for consumer in known:
            LOG.warning("host %s: %s holds allocations and lives no more", node.host, consumer)
            self._svc.placement.release(consumer)
            self._suspects.discard(consumer)
        return len(known)

    def _lost(self, consumers: set[str], cell: str) -> set[str]:
        """Return those of ours that live no more; consumers nobody here knows are not ours to touch."""
        with self._svc.store.api.read() as tx:
            servers = instance_mappings_get(tx, consumers)
        lost = {uuid for uuid, mapping in servers.items() if mapping.deleted and self._is_gone(uuid, cell)}
        with self._svc.store.database(cell).read() as tx:
            for consumer in consumers - servers.keys():
                move = migration_get(tx, consumer)
                if move is not None and move.status in ENDED:
                    lost.add(consumer)
        return lost

    def _is_gone(self, uuid: str, cell: str) -> bool:
        """Tell a deleted server from a soft-deleted one, which counts no more but keeps its place."""
        with self._svc.store.database(cell).read() as tx:
            return instance_get(tx, uuid) is None
