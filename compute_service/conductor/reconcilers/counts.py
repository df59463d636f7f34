"""Lets servers count for quotas as what they are, should a request have died between two databases.

A resize or a restore lets a server count for more before it is claimed in its cell: whoever dies in between
leaves the count without the work.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, Stale
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.store.flows import unfinished_flow_of_instance
from compute_service.store.instances import instance_get, instances_get
from compute_service.store.mappings import (
    InstanceMapping,
    instance_mapping_get,
    instance_mapping_mark_deleted,
    instance_mapping_resize,
    instance_mappings_of_cell,
)

LOG = logging.getLogger(__name__)

_BETWEEN = frozenset({VmState.RESIZED, VmState.BUILDING})
"""States of servers that count with more than they have, or may."""


class QuotaCounts:
    """The reconciler of what servers count for: some servers a run, and only what is wrong twice in a row."""

    name = "quota counts"
    interval = 60.0
    MOST = 500
    """Servers of one cell looked at in one run."""

    def __init__(self, svc: Services) -> None:
        self._svc = svc
        self._marker: dict[str, str] = {}
        """Cell → the last server that was looked at."""
        self._suspects: set[str] = set()

    def run(self) -> int:
        """Look at those that were found before, and at the next ones of each cell."""
        count = 0
        for cell in self._svc.store.cells(include_disabled=True):
            try:
                count += self._look_through(cell.uuid)
            except ComputeError as error:
                LOG.warning("what servers of cell %s count for is not known: %s", cell.uuid, error.message)
        return count

    def _look_through(self, cell: str) -> int:
        after = self._marker.get(cell, "")
        with self._svc.store.api.read() as tx:
            mappings = instance_mappings_of_cell(tx, cell, after, self.MOST, self._suspects)
        page = [mapping.uuid for mapping in mappings if mapping.uuid > after]
        self._marker[cell] = max(page) if len(page) >= self.MOST else ""
        wrong = self._wrong(cell, mappings)
        known = self._suspects & wrong
        self._suspects = (self._suspects - {mapping.uuid for mapping in mappings}) | (wrong - known)
        return sum(self._put_right(cell, uuid) for uuid in sorted(known))

    def _wrong(self, cell: str, mappings: Sequence[InstanceMapping]) -> set[str]:
        with self._svc.store.database(cell).read() as tx:
            rows = instances_get(tx, [mapping.uuid for mapping in mappings], deleted=True)
        return {m.uuid for m in mappings if m.uuid in rows and not _agree(rows[m.uuid], m)}

    def _put_right(self, cell: str, uuid: str) -> bool:
        """Set what a server counts for, unless something is being done to it."""
        with self._svc.store.database(cell).write() as tx:
            # Whoever begins something with the server claims its row before it changes what it counts for.
            row = instance_get(tx, uuid, deleted=True, lock=True)
            if row is None or unfinished_flow_of_instance(tx, uuid) is not None:
                return False
            with self._svc.store.api.write() as api:
                mapping = instance_mapping_get(api, uuid)
                if mapping is None or _agree(row, mapping):
                    return False
                LOG.warning("server %s is %s and counted for something else", uuid, row.vm_state)
                instance_mapping_mark_deleted(api, uuid, deleted=not _counts(row))
                if _counts(row):
                    try:
                        instance_mapping_resize(api, uuid, row.flavor.vcpus, row.flavor.memory_mb, row.flavor)
                    except Stale:
                        return False
        return True


def _counts(row: Instance) -> bool:
    return not row.deleted and row.vm_state is not VmState.SOFT_DELETED


def _agree(row: Instance, mapping: InstanceMapping) -> bool:
    """Tell whether a server counts for what it is; of one that is being worked on nothing can be said."""
    if row.task_state is not None or row.vm_state in _BETWEEN:
        return True
    if mapping.deleted is _counts(row):
        return False
    size = (row.flavor.vcpus, row.flavor.memory_mb)
    return mapping.deleted or (mapping.vcpus, mapping.memory_mb) == size
