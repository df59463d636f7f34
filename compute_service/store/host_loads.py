"""What servers do to the hosts of one cell, in numbers: for whoever chooses hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import distinct, func, or_, select, union_all

from compute_service.domain.flow import UNFINISHED
from compute_service.domain.states import TaskState, VmState
from compute_service.store.database import Tx
from compute_service.store.tables.flows import flows
from compute_service.store.tables.hosts import migrations
from compute_service.store.tables.instances import instances

_t = instances.c
_m = migrations.c
_LIVE_FLOWS = tuple(sorted(state.value for state in UNFINISHED))
BUSY_TASKS: frozenset[TaskState] = frozenset(
    {
        TaskState.BLOCK_DEVICE_MAPPING,
        TaskState.NETWORKING,
        TaskState.SPAWNING,
        TaskState.RESIZE_PREP,
        TaskState.RESIZE_MIGRATING,
        TaskState.RESIZE_MIGRATED,
        TaskState.RESIZE_FINISH,
        TaskState.RESIZE_REVERTING,
        TaskState.REBUILDING,
        TaskState.REBUILD_BLOCK_DEVICE_MAPPING,
        TaskState.REBUILD_SPAWNING,
        TaskState.IMAGE_SNAPSHOT_PENDING,
        TaskState.IMAGE_SNAPSHOT,
        TaskState.IMAGE_PENDING_UPLOAD,
        TaskState.IMAGE_UPLOADING,
        TaskState.IMAGE_BACKUP,
        TaskState.MIGRATING,
        TaskState.RESCUING,
        TaskState.SHELVING,
        TaskState.SHELVING_IMAGE_PENDING_UPLOAD,
        TaskState.SHELVING_IMAGE_UPLOADING,
        TaskState.UNSHELVING,
    }
)
"""Task states in which a server keeps its host's disks and network busy."""

_properties = msgspec.json.Decoder(dict[str, str]).decode


def busy_count_by_host(tx: Tx) -> dict[str, int]:
    """Return how many servers of each host are being built, moved or copied; idle hosts are left out."""
    statement = (
        select(_t.host, func.count(distinct(_t.uuid)))
        .join_from(flows, instances, flows.c.instance_uuid == _t.uuid)
        .where(
            flows.c.state.in_(_LIVE_FLOWS),
            _t.deleted == 0,
            _t.host.is_not(None),
            or_(
                _t.vm_state == VmState.BUILDING.value, _t.task_state.in_([task.value for task in BUSY_TASKS])
            ),
        )
        .group_by(_t.host)
    )
    return {host: count for host, count in tx.all(statement)}


def hosts_of_instances(tx: Tx, uuids: Collection[str]) -> dict[str, str]:
    """Return the host of each of these living servers that has one, in one statement."""
    if not uuids:
        return {}
    statement = select(_t.uuid, _t.host).where(
        _t.uuid.in_(list(uuids)), _t.deleted == 0, _t.host.is_not(None)
    )
    return {uuid: host for uuid, host in tx.all(statement)}


def hosts_of_recent_consumers(tx: Tx, since: datetime) -> dict[str, str]:
    """Return the host of each server, and the target of each migration, that was written since a time.

    Deleted servers are among them.
    """
    servers = select(_t.uuid, _t.host).where(_t.updated_at >= since, _t.host.is_not(None))
    moves = select(_m.uuid, _m.dest_compute).where(_m.updated_at >= since, _m.dest_compute.is_not(None))
    return {uuid: host for uuid, host in tx.all(union_all(servers, moves))}


def image_properties_by_host(tx: Tx) -> dict[str, Counter[tuple[str, str]]]:
    """Return by host how many living servers were made of an image with a property: (name, value) → count."""
    statement = select(_t.host, _t.image_properties).where(
        _t.deleted == 0, _t.host.is_not(None), _t.image_properties.is_not(None)
    )
    found: dict[str, Counter[tuple[str, str]]] = {}
    for host, properties in tx.all(statement):
        found.setdefault(host, Counter()).update(_properties(properties).items())
    return found
