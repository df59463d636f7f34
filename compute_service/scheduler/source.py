"""Facts about hosts, from the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import TypeVar

from compute_service.domain.errors import ComputeError
from compute_service.domain.host import ComputeNode, Service
from compute_service.domain.record import Record
from compute_service.scheduler.ask import PropertyCounts
from compute_service.scheduler.fleet import HostFiles, HostLoad
from compute_service.store.aggregates import aggregate_list
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.engine import Store, Tx
from compute_service.store.groups import group_get
from compute_service.store.host_loads import (
    busy_count_by_host,
    hosts_of_instances,
    hosts_of_recent_consumers,
    image_properties_by_host,
)
from compute_service.store.instances import instance_count_by_host
from compute_service.store.mappings import host_mapping_list, hosts_generation, instance_mappings_get
from compute_service.store.services import service_list

LOG = logging.getLogger(__name__)

T = TypeVar("T")

BINARY = "nova-compute"
RECENT = timedelta(seconds=120)
"""How far back servers and migrations are looked for that were just placed."""


class _CellFiles(Record):
    """What one cell tells."""

    nodes: tuple[ComputeNode, ...]
    services: tuple[Service, ...]
    instances: dict[str, int]
    busy: dict[str, int]
    recent: dict[str, str]


class StoreHosts:
    """A `HostSource` over the databases. Hosts of a cell that does not answer are not known meanwhile."""

    def __init__(self, store: Store, timeout: float) -> None:
        self._store = store
        self._timeout = timeout

    def read(self) -> HostFiles:
        """Return what is known of all hosts of enabled cells that answer within the timeout."""
        with self._store.api.read() as tx:
            cells = {mapping.host: mapping.cell for mapping in host_mapping_list(tx)}
            aggregates = tuple(aggregate_list(tx))
        answers = self._ask(_read_cell, (cell.uuid for cell in self._store.cells()))
        loads: dict[str, HostLoad] = {}
        recent: dict[str, str] = {}
        for files in answers:
            for host in files.instances.keys() | files.busy.keys():
                loads[host] = HostLoad(instances=files.instances.get(host, 0), busy=files.busy.get(host, 0))
            recent |= files.recent
        return HostFiles(
            nodes=tuple(node for files in answers for node in files.nodes),
            services={service.uuid: service for files in answers for service in files.services},
            cells=cells,
            aggregates=aggregates,
            loads=loads,
            recent=recent,
        )

    def generation(self) -> int:
        """Return how often operators have changed something about hosts."""
        with self._store.api.read() as tx:
            return hosts_generation(tx)

    def hosts_of(self, servers: Collection[str]) -> dict[str, str]:
        """Return the host of each of these servers that is on one."""
        if not servers:
            return {}
        with self._store.api.read() as tx:
            mappings = instance_mappings_get(tx, servers)
        cells = {mapping.cell for mapping in mappings.values() if mapping.cell is not None}
        found: dict[str, str] = {}
        for hosts in self._ask(lambda tx: hosts_of_instances(tx, servers), sorted(cells)):
            found |= hosts
        return found

    def group_hosts(self, group: str) -> dict[str, str] | None:
        """Return the host of each living member of a server group that is on one; None for no such group."""
        with self._store.api.read() as tx:
            found = group_get(tx, group)
        return None if found is None else self.hosts_of(found.members)

    def image_properties(self) -> PropertyCounts:
        """Return by host how many living servers have which image property."""
        answers = self._ask(image_properties_by_host, (cell.uuid for cell in self._store.cells()))
        return {host: counts for files in answers for host, counts in files.items()}

    def _ask(self, fn: Callable[[Tx], T], cells: Iterable[str]) -> list[T]:
        """Return the answers of the cells that answered."""
        answers = self._store.fan_out(fn, tuple(cells), self._timeout)
        found: list[T] = []
        for cell, answer in answers.items():
            if isinstance(answer, ComputeError):
                LOG.warning("Cell %s does not answer; its hosts are left out: %s", cell, answer)
            else:
                found.append(answer)
        return found


def _read_cell(tx: Tx) -> _CellFiles:
    return _CellFiles(
        nodes=tuple(compute_node_list(tx)),
        services=tuple(service_list(tx, binary=BINARY)),
        instances=instance_count_by_host(tx),
        busy=busy_count_by_host(tx),
        recent=hosts_of_recent_consumers(tx, tx.now() - RECENT),
    )
