"""Where the other servers of a group are, and whether a host keeps the group's policy.

The scheduler sees the group as it was; two servers placed at the same moment do not see each other. So each
is looked at once more before it is built, and the one that came later gives way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, HostRejected
from compute_service.domain.group import ServerGroup
from compute_service.domain.instance import Instance
from compute_service.domain.request import PlacementRequest
from compute_service.store.groups import group_get
from compute_service.store.instances import instances_get


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


def check_company(svc: Services, server: Instance, host: str) -> None:
    """Refuse a host where a server would break its group's policy. Raises HostRejected."""
    if server.group_uuid is None or svc.settings.workarounds.disable_group_policy_check_upcall:
        return
    with svc.store.api.read() as tx:
        group = group_get(tx, server.group_uuid)
    if group is None or group.policy.startswith("soft-"):
        return
    earlier = [
        member.host
        for member in _members(svc, [uuid for uuid in group.members if uuid != server.uuid])
        if member.host is not None and (member.created_at, member.uuid) < (server.created_at, server.uuid)
    ]
    if _breaks(group, earlier, host):
        raise HostRejected(f"Host {host} would break the {group.policy} policy of server group {group.uuid}.")


def _breaks(group: ServerGroup, hosts: list[str], host: str) -> bool:
    if group.policy == "affinity":
        return bool(hosts) and host not in hosts
    return hosts.count(host) >= group.rules.get("max_server_per_host", 1)


def _members(svc: Services, uuids: list[str]) -> list[Instance]:
    if not uuids:
        return []
    answers = svc.store.fan_out(lambda tx: list(instances_get(tx, uuids).values()))
    return [one for answer in answers.values() if not isinstance(answer, ComputeError) for one in answer]
