"""Where the other servers of a group are, and whether a host keeps the group's policy.

The scheduler sees the group as it was; two servers placed at the same moment do not see each other. So each
is looked at once more before it is built, and one of the two gives way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, HostRejected
from compute_service.domain.group import ServerGroup
from compute_service.domain.instance import Instance
from compute_service.domain.request import PlacementRequest
from compute_service.domain.states import TaskState
from compute_service.flows.kinds.server import go_on
from compute_service.flows.step import Run
from compute_service.store.groups import group_get, group_lock
from compute_service.store.instances import instances_get

_NOT_LOOKED_AT = frozenset({TaskState.SCHEDULING, TaskState.NETWORKING})
"""Task states of a server that is on a host and was not looked at yet."""


def with_company(svc: Services, request: PlacementRequest, leaving_out: Iterable[str]) -> PlacementRequest:
    """Return a request that knows its group as it is now, without the servers that are to be placed."""
    if request.group is None:
        return request
    with svc.store.api.read() as tx:
        group = group_get(tx, request.group.uuid)
    if group is None:
        return request.replace(group=None)
    others = [uuid for uuid in group.members if uuid not in set(leaving_out)]
    hosts = Counter(member.host for member in _members(svc, others) if member.host is not None)
    return request.replace(group=group, group_hosts=dict(hosts))


def take_place(run: Run[Any], seen: Instance, host: str) -> Instance | None:
    """Let a server that is to be built on a host count as there, if its group allows. Raises HostRejected.

    Only one of a group is looked at at a time. It gives way to those that came before it, for they have the
    first say wherever they are, and to those that have been looked at. Whoever is looked at is on its host
    for all to see, so of two that meet the second to be looked at knows of the other. Returns the row.
    """
    svc = run.svc
    if seen.group_uuid is None or svc.settings.workarounds.disable_group_policy_check_upcall:
        return seen
    if seen.task_state is TaskState.SPAWNING:
        return seen
    with svc.store.api.write() as tx:
        group = group_lock(tx, seen.group_uuid)
        if group is None or group.policy.startswith("soft-"):
            return seen
        others = _members(svc, [uuid for uuid in group.members if uuid != seen.uuid])
        if _breaks(group, [one.host for one in others if one.host is not None and _counts(one, seen)], host):
            raise HostRejected(
                f"Host {host} would break the {group.policy} policy of server group {group.uuid}."
            )
        return go_on(run, _NOT_LOOKED_AT, TaskState.SPAWNING, seen)


def _counts(other: Instance, seen: Instance) -> bool:
    came_first = (other.created_at, other.uuid) < (seen.created_at, seen.uuid)
    return came_first or other.task_state not in _NOT_LOOKED_AT


def _breaks(group: ServerGroup, hosts: list[str], host: str) -> bool:
    if group.policy == "affinity":
        return bool(hosts) and host not in hosts
    return hosts.count(host) >= group.rules.get("max_server_per_host", 1)


def _members(svc: Services, uuids: list[str]) -> list[Instance]:
    if not uuids:
        return []
    answers = svc.store.fan_out(lambda tx: list(instances_get(tx, uuids).values()))
    return [one for answer in answers.values() if not isinstance(answer, ComputeError) for one in answer]
