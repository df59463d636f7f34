"""What steps write of their server in the API database: what it counts for, and which group it is in."""

from __future__ import annotations

from compute_service.control.services import Services
from compute_service.domain.errors import Stale
from compute_service.domain.flavor import Flavor
from compute_service.store.groups import group_remove_members
from compute_service.store.mappings import instance_mapping_mark_deleted, instance_mapping_resize


def count(svc: Services, uuid: str, flavor: Flavor) -> None:
    """Let a server count for its project's quotas with a flavor; one that is deleted counts no more."""
    with svc.store.api.write() as tx:
        try:
            instance_mapping_resize(tx, uuid, flavor.vcpus, flavor.memory_mb, flavor)
        except Stale:
            return


def count_not(svc: Services, uuid: str) -> None:
    """Let a server count no more; it can be restored."""
    with svc.store.api.write() as tx:
        instance_mapping_mark_deleted(tx, uuid)


def count_again(svc: Services, uuid: str) -> None:
    """Let a server that was kept after its deletion count again, whatever its project's quotas say."""
    with svc.store.api.write() as tx:
        instance_mapping_mark_deleted(tx, uuid, deleted=False)


def forget(svc: Services, uuid: str) -> None:
    """Let a server count no more and leave its group for good."""
    with svc.store.api.write() as tx:
        instance_mapping_mark_deleted(tx, uuid)
        group_remove_members(tx, (uuid,))
