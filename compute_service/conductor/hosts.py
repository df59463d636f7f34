"""The compute hosts of one cell, as they tell of themselves."""

from __future__ import annotations

import logging
from datetime import timedelta

from compute_service.conductor.power import PowerSync
from compute_service.control.notices import tell_service
from compute_service.control.services import Services
from compute_service.domain.host import (
    ComputeNode,
    HostFacts,
    HostRegistration,
    HostReport,
    ServerOnHost,
    Service,
)
from compute_service.domain.instance import Instance
from compute_service.domain.protocol import Registered
from compute_service.domain.states import VmState
from compute_service.store.compute_nodes import compute_node_of_host, compute_node_renew, compute_node_upsert
from compute_service.store.database import Tx
from compute_service.store.flows import unfinished_flow_of_instance
from compute_service.store.instances import instances_get, instances_on_host
from compute_service.store.migrations import (
    MigrationQuery,
    migration_of_instance,
    migration_page,
    migration_update,
)
from compute_service.store.services import service_touch, service_upsert

LOG = logging.getLogger(__name__)

COMPUTE = "nova-compute"
MOST = 1000
"""Evacuations that are completed at a time."""
REMEMBERED = timedelta(days=1)
"""How long deleted servers are told to their host."""


class Hosts:
    """The endpoint's part for the hosts of one cell."""

    def __init__(self, svc: Services, cell: str, power: PowerSync) -> None:
        self._svc = svc
        self._cell = cell
        self._power = power

    def register(self, registration: HostRegistration) -> Registered:
        """Enter a host's service and hypervisor. Raises Conflict when its name is another node's."""
        now = self._svc.clock.now()
        default = self._svc.settings.default
        with self._svc.store.database(self._cell).write() as tx:
            service = service_upsert(
                tx,
                Service(
                    uuid=registration.service_uuid,
                    host=registration.host,
                    binary=COMPUTE,
                    topic="compute",
                    last_seen_up=now,
                    disabled=not default.enable_new_services,
                    disabled_reason=None
                    if default.enable_new_services
                    else "New service disabled by option.",
                    version=registration.version,
                    created_at=now,
                ),
            )
            compute_node_upsert(tx, self._node(registration, service.uuid))
        LOG.info("host %s registered", registration.host)
        if service.updated_at is None:  # It is new.
            tell_service(self._svc, "create", service)
        return Registered(service_uuid=service.uuid, disabled=service.disabled, cell=self._cell)

    def _node(self, registration: HostRegistration, service_uuid: str) -> ComputeNode:
        default = self._svc.settings.default
        return ComputeNode(
            uuid=registration.node_uuid,
            service_uuid=service_uuid,
            host=registration.host,
            facts=registration.facts,
            cell=self._cell,
            host_ip=registration.host_ip,
            running_vms=_running_vms(registration.facts) or 0,
            cpu_allocation_ratio=default.cpu_allocation_ratio or default.initial_cpu_allocation_ratio,
            ram_allocation_ratio=default.ram_allocation_ratio or default.initial_ram_allocation_ratio,
            disk_allocation_ratio=default.disk_allocation_ratio or default.initial_disk_allocation_ratio,
        )

    def report(self, reports: tuple[HostReport, ...]) -> None:
        """Note that hosts are alive, what changed of them, and what power states their guests have."""
        if not reports:
            return
        hosts = [report.host for report in reports]
        with self._svc.store.database(self._cell).alone() as tx:
            known = service_touch(tx, hosts, COMPUTE, self._svc.clock.now())
        if known < len(set(hosts)):
            self._introduce(hosts)
        for report in reports:
            if report.facts is not None:
                self._renew(report.host, report.facts)
            if report.power:
                self._power.apply(self._cell, report.host, report.power)

    def _introduce(self, hosts: list[str]) -> None:
        """Ask hosts whose service is not known (any more) to register again."""
        with self._svc.store.database(self._cell).read() as tx:
            unknown = [host for host in hosts if compute_node_of_host(tx, host) is None]
        for host in unknown:
            self._svc.agent(self._cell, host).introduce()

    def _renew(self, host: str, facts: HostFacts) -> None:
        with self._svc.store.database(self._cell).alone() as tx:
            compute_node_renew(tx, host, facts, _running_vms(facts))

    def servers_on(self, host: str) -> tuple[ServerOnHost, ...]:
        """Return the servers of a host, and as deleted those that have nothing to keep there any more: they
        were deleted lately, or moved away for good. What was evacuated is a stray."""
        since = self._svc.clock.now() - REMEMBERED
        with self._svc.store.database(self._cell).read() as tx:
            here = instances_on_host(tx, host, since)
            moves = migration_page(tx, MigrationQuery(source_compute=host, hidden=None, changes_since=since))
            known = {row.uuid for row in here}
            moved = {move.instance_uuid for move in moves if move.migration_type != "evacuation"}
            left = instances_get(tx, moved - known, deleted=True)
            gone = [row for row in left.values() if self._is_gone(tx, row, host)]
        return tuple(_on_host(row, row.deleted) for row in here) + tuple(_on_host(row, True) for row in gone)

    @staticmethod
    def _is_gone(tx: Tx, row: Instance, host: str) -> bool:
        """Tell whether a server is not on a host and has nothing to come back for.

        The host counts as this row has it: a move may have ended since the host's servers were read.
        """
        if (
            row.host == host
            or row.task_state is not None
            or unfinished_flow_of_instance(tx, row.uuid) is not None
        ):
            return False
        if row.vm_state is not VmState.RESIZED:
            return True
        move = migration_of_instance(tx, row.uuid, ("finished",))
        return move is not None and move.source_compute != host

    def strays(self, host: str, guests: tuple[str, ...]) -> tuple[str, ...]:
        """Return the guests of a host whose server is, or was when deleted, elsewhere and is left alone."""
        with self._svc.store.database(self._cell).read() as tx:
            rows = instances_get(tx, guests, deleted=True)
            return tuple(uuid for uuid, row in rows.items() if self._is_gone(tx, row, host))

    def vacated(self, host: str, guests: tuple[str, ...]) -> int:
        """Complete the evacuations from a host that has no guest any more of the server, or has it back."""
        query = MigrationQuery(
            source_compute=host, status="done", migration_type="evacuation", hidden=None, limit=MOST
        )
        with self._svc.store.database(self._cell).write() as tx:
            moves = migration_page(tx, query)
            rows = instances_get(tx, {move.instance_uuid for move in moves})
            back = {uuid for uuid, row in rows.items() if row.host == host}
            over = [move for move in moves if move.instance_uuid not in set(guests) - back]
            for move in over:
                migration_update(tx, move.uuid, ("done",), status="completed")
        if over:
            LOG.info("host %s has nothing left of %d servers that were evacuated from it", host, len(over))
        return len(over)


def _running_vms(facts: HostFacts) -> int | None:
    told = facts.stats.get("running_vms")
    return None if told is None else int(told)


def _on_host(instance: Instance, deleted: bool) -> ServerOnHost:
    return ServerOnHost(
        uuid=instance.uuid,
        vm_state=instance.vm_state,
        task_state=instance.task_state,
        power_state=instance.power_state,
        deleted=deleted,
    )
