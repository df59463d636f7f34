"""Hypervisors: what they are, whether they are up, and which servers they run."""

from __future__ import annotations

from compute_service.control.liveness import is_up
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Invalid, NotFound
from compute_service.domain.host import ComputeNode, Service
from compute_service.domain.instance import HostedServer
from compute_service.domain.record import Record
from compute_service.store.compute_nodes import compute_node_get, compute_node_list
from compute_service.store.database import Tx
from compute_service.store.instances import hosted_servers
from compute_service.store.services import service_get, service_list


class Hypervisor(Record):
    """A hypervisor with its service; `servers` only when they were asked for."""

    node: ComputeNode
    service: Service
    up: bool
    servers: tuple[HostedServer, ...] = ()


def list_hypervisors(
    ctx: Context,
    svc: Services,
    *,
    hostname_part: str | None = None,
    marker: str | None = None,
    limit: int | None = None,
    with_servers: bool = False,
) -> list[Hypervisor]:
    """Return one page of the hypervisors of all cells that answer, in the order in which they came.

    `hostname_part` is looked for in their host names; `marker` is the UUID (or number) of the last one of
    the page before. Raises Invalid for an unknown marker.
    """

    def look(tx: Tx) -> list[Hypervisor]:
        services = {one.uuid: one for one in service_list(tx)}
        by_host = {one.host: one for one in services.values()}
        found = compute_node_list(tx, hostname_part=hostname_part)
        pairs = [(node, services.get(node.service_uuid) or by_host.get(node.host)) for node in found]
        return [_hypervisor(svc, node, service) for node, service in pairs if service is not None]

    answers = svc.store.fan_out(look)
    every = [one for answer in answers.values() if not isinstance(answer, ComputeError) for one in answer]
    page = _behind(every, marker)[: limit if limit is not None else None]
    return _with_servers(svc, page) if with_servers else page


def _behind(found: list[Hypervisor], marker: str | None) -> list[Hypervisor]:
    if marker is None:
        return found
    for number, one in enumerate(found):
        if marker in (one.node.uuid, str(one.node.id)):
            return found[number + 1 :]
    raise Invalid(f"marker [{marker}] not found")


def find_hypervisor(ctx: Context, svc: Services, uuid: str, with_servers: bool = False) -> Hypervisor:
    """Return a hypervisor by UUID, or by number where those are still used. Raises NotFound."""

    def look(tx: Tx) -> Hypervisor | None:
        node = compute_node_get(tx, uuid) or _by_number(tx, uuid)
        if node is None:
            return None
        service = service_get(tx, node.service_uuid) or next(iter(service_list(tx, node.host)), None)
        return None if service is None else _hypervisor(svc, node, service)

    for answer in svc.store.fan_out(look).values():
        if isinstance(answer, Hypervisor):
            return _with_servers(svc, [answer])[0] if with_servers else answer
    raise NotFound(f"Compute host {uuid} could not be found.")


def _by_number(tx: Tx, number: str) -> ComputeNode | None:
    if not number.isdecimal() or len(number) > 18:
        return None
    return next((node for node in compute_node_list(tx) if node.id == int(number)), None)


def uptime(ctx: Context, svc: Services, hypervisor: Hypervisor) -> str | None:
    """Return a host's uptime text as it last told it. Raises Invalid when the host is down."""
    if not hypervisor.up:
        raise Invalid(f"Compute service of {hypervisor.node.host} is unavailable at this time.")
    return hypervisor.node.facts.uptime


def _hypervisor(svc: Services, node: ComputeNode, service: Service) -> Hypervisor:
    up = is_up(service, svc.clock.now(), svc.settings.default.service_down_time)
    return Hypervisor(node=node, service=service, up=up)


def _with_servers(svc: Services, found: list[Hypervisor]) -> list[Hypervisor]:
    """Fill in the servers of hypervisors, in one statement for each cell."""
    hosts: dict[str, set[str]] = {}
    for one in found:
        hosts.setdefault(one.node.cell, set()).add(one.node.host)
    there: dict[str, dict[str, list[HostedServer]]] = {}
    for cell, names in hosts.items():
        with svc.store.database(cell).read() as tx:
            there[cell] = hosted_servers(tx, names)
    return [one.replace(servers=_of(one.node, there[one.node.cell])) for one in found]


def _of(node: ComputeNode, there: dict[str, list[HostedServer]]) -> tuple[HostedServer, ...]:
    name = node.facts.hypervisor_hostname
    return tuple(one for one in there[node.host] if one.node in (None, name))
