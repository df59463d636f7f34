"""Listing availability zones. Source: Compute API reference, "Availability zones"."""

from __future__ import annotations

import msgspec

from compute_service.api.request import Request
from compute_service.api.shape import View
from compute_service.api.times import stamp_or_none
from compute_service.control import zones as control
from compute_service.control.services import Services
from compute_service.domain.context import Context


class ZoneState(View):
    """Whether a zone has an enabled host."""

    available: bool


class HostService(View):
    """A service of a host: `available` says that it is up, `active` that it is enabled."""

    available: bool
    active: bool
    updated_at: str | None


class ZoneView(View):
    """A zone; its hosts are shown in detail only."""

    name: str = msgspec.field(name="zoneName")
    state: ZoneState = msgspec.field(name="zoneState")
    hosts: dict[str, dict[str, HostService]] | None = None


class ZoneList(View):
    """GET /os-availability-zone, with or without /detail."""

    zones: list[ZoneView] = msgspec.field(name="availabilityZoneInfo")


def index(ctx: Context, svc: Services, req: Request) -> ZoneList:
    """List the zones of compute hosts, those with no enabled host last."""
    return ZoneList(zones=[_zone(zone, hosts=False) for zone in control.zones(ctx, svc)])


def detail(ctx: Context, svc: Services, req: Request) -> ZoneList:
    """List all zones with their hosts, that of the other daemons first; of unavailable ones only the name."""
    found = [control.internal_zone(ctx, svc), *control.zones(ctx, svc)]
    return ZoneList(zones=[_zone(zone, hosts=zone.available) for zone in found])


def _zone(zone: control.Zone, hosts: bool) -> ZoneView:
    return ZoneView(
        name=zone.name,
        state=ZoneState(available=zone.available),
        hosts={host: _services(there) for host, there in zone.hosts.items()} if hosts else None,
    )


def _services(there: dict[str, control.ServiceState]) -> dict[str, HostService]:
    return {
        binary: HostService(
            available=state.available, active=state.active, updated_at=stamp_or_none(state.updated_at)
        )
        for binary, state in there.items()
    }
