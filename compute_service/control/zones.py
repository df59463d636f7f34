"""Availability zones: what aggregates make of hosts."""

from __future__ import annotations

from datetime import datetime

from compute_service.control.liveness import COMPUTE, is_up
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError
from compute_service.domain.host import Service
from compute_service.domain.record import Record
from compute_service.store.aggregates import zones_by_host
from compute_service.store.services import service_list


class ServiceState(Record):
    """A service as zones show it: `available` says that it is up, `active` that it is enabled."""

    available: bool
    active: bool
    updated_at: datetime | None = None


class Zone(Record):
    """An availability zone: host → binary → state. One without an enabled host is not available."""

    name: str
    available: bool
    hosts: dict[str, dict[str, ServiceState]] = {}


def zone_of_host(svc: Services, host: str) -> str:
    """Return the zone of a host."""
    with svc.store.api.read() as tx:
        return zones_by_host(tx).get(host, svc.settings.default.default_availability_zone)


def all_services(svc: Services) -> list[Service]:
    """Return the services of all cells that answer, cell by cell."""
    names = [name for name in svc.store.names() if name != svc.store.api.name]
    answers = svc.store.fan_out(service_list, names)
    return [one for answer in answers.values() if not isinstance(answer, ComputeError) for one in answer]


def zones(ctx: Context, svc: Services) -> list[Zone]:
    """Return the zones of compute hosts by name; those with no enabled host come last."""
    found = _zones(svc, [one for one in all_services(svc) if one.binary == COMPUTE])
    return sorted(found, key=lambda zone: (not zone.available, zone.name))


def internal_zone(ctx: Context, svc: Services) -> Zone:
    """Return the zone that stands for the daemons which host no servers."""
    others = [one for one in all_services(svc) if one.binary != COMPUTE]
    hosts: dict[str, dict[str, ServiceState]] = {}
    for one in others:
        hosts.setdefault(one.host, {})[one.binary] = _state(svc, one)
    return Zone(name=svc.settings.default.internal_service_availability_zone, available=True, hosts=hosts)


def _zones(svc: Services, services: list[Service]) -> list[Zone]:
    with svc.store.api.read() as tx:
        zone_of = zones_by_host(tx)
    default = svc.settings.default.default_availability_zone
    hosts: dict[str, dict[str, dict[str, ServiceState]]] = {}
    for one in services:
        zone = hosts.setdefault(zone_of.get(one.host, default), {})
        zone.setdefault(one.host, {})[one.binary] = _state(svc, one)
    return [
        Zone(
            name=name,
            available=any(state.active for host in there.values() for state in host.values()),
            hosts=there,
        )
        for name, there in hosts.items()
    ]


def _state(svc: Services, service: Service) -> ServiceState:
    return ServiceState(
        available=is_up(service, svc.clock.now(), svc.settings.default.service_down_time),
        active=not service.disabled,
        updated_at=max(filter(None, (service.last_seen_up, service.updated_at)), default=None),
    )
