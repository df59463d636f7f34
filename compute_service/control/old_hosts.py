"""What there is of a host and what is used of it, in all and by project."""

from __future__ import annotations

from collections.abc import Iterable

from compute_service.control.hosts import find_service_of_host
from compute_service.control.liveness import COMPUTE
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.host import Service
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.instances import instances_on_host


class Share(Record):
    """A part of a host, and whose: a project's identifier, or `(total)`, `(used_now)` or `(used_max)`."""

    project: str
    vcpus: int = 0
    memory_mb: int = 0
    disk_gb: int = 0


def compute_host(ctx: Context, svc: Services, host: str) -> Service:
    """Return the compute service of a host. Raises NotFound, Unavailable."""
    return find_service_of_host(ctx, svc, host, COMPUTE)


def shares_of_host(ctx: Context, svc: Services, host: str) -> list[Share]:
    """Return what there is, what is used, what servers may use, and that by project. Raises NotFound."""
    service = compute_host(ctx, svc, host)
    with svc.store.database(service.cell).read() as tx:
        facts = [node.facts for node in compute_node_list(tx, host=host)]
        servers = instances_on_host(tx, host)
    total = Share(
        project="(total)",
        vcpus=sum(one.vcpus for one in facts),
        memory_mb=sum(one.memory_mb for one in facts),
        disk_gb=sum(one.local_gb for one in facts),
    )
    used = Share(
        project="(used_now)",
        vcpus=sum(one.vcpus_used for one in facts),
        memory_mb=sum(one.memory_mb_used for one in facts),
        disk_gb=sum(one.local_gb_used for one in facts),
    )
    projects = sorted({server.project_id for server in servers})
    own = [_share(name, (one for one in servers if one.project_id == name)) for name in projects]
    return [total, used, _share("(used_max)", servers), *own]


def _share(project: str, servers: Iterable[Instance]) -> Share:
    flavors = [server.flavor for server in servers]
    return Share(
        project=project,
        vcpus=sum(one.vcpus for one in flavors),
        memory_mb=sum(one.memory_mb for one in flavors),
        disk_gb=sum(one.root_gb + one.ephemeral_gb for one in flavors),
    )
