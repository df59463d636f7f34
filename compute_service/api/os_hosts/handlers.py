"""Hosts with their services, what is used of them, and power that no hypervisor here can turn."""

from __future__ import annotations

from compute_service.api.os_hosts import views
from compute_service.api.os_hosts.bodies import HostQuery, HostUpdate
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.control import old_hosts as control
from compute_service.control.hosts import list_services
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotSupported


def index(ctx: Context, svc: Services, req: Request) -> views.HostList:
    """List the services of hosts, of one zone if asked."""
    zone = given(req.query(HostQuery).zone, "")
    return views.HostList(
        hosts=[
            views.HostBrief(
                host_name=one.service.host, service=one.service.binary.removeprefix("nova-"), zone=one.zone
            )
            for one in list_services(ctx, svc)
            if zone in ("", one.zone)
        ]
    )


def show(ctx: Context, svc: Services, req: Request) -> views.HostShown:
    """Show what there is of a host and what is used."""
    host = req.params["host"]
    return views.HostShown(
        host=[
            views.ResourceOf(
                resource=views.Resource(
                    host=host,
                    project=share.project,
                    cpu=share.vcpus,
                    memory_mb=share.memory_mb,
                    disk_gb=share.disk_gb,
                )
            )
            for share in control.shares_of_host(ctx, svc, host)
        ]
    )


def update(ctx: Context, svc: Services, req: Request) -> None:
    """Refuse: a compute service is disabled as a service, and no hypervisor here has a maintenance mode."""
    asked = req.body(HostUpdate)
    if not given(asked.status, "") and not given(asked.maintenance_mode, ""):
        raise Invalid("Invalid input for field/attribute: at least one of status and maintenance_mode.")
    _refuse(ctx, svc, req)


def turn(ctx: Context, svc: Services, req: Request) -> None:
    """Refuse: no hypervisor here turns its own host's power."""
    _refuse(ctx, svc, req)


def _refuse(ctx: Context, svc: Services, req: Request) -> None:
    control.compute_host(ctx, svc, req.params["host"])
    raise NotSupported("Virt driver does not implement this feature.")
