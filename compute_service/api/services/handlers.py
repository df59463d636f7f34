"""Listing services, enabling, disabling, forcing down and deleting them."""

from __future__ import annotations

from msgspec import UnsetType

from compute_service.api.errors import NO_SUCH_PLACE
from compute_service.api.forms import read_uuid
from compute_service.api.request import Request
from compute_service.api.services import views
from compute_service.api.services.bodies import NamedServiceUpdate, ServiceQuery, ServiceUpdate
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.control import hosts as control
from compute_service.control.liveness import COMPUTE
from compute_service.control.numbered import find_service_by_number
from compute_service.control.services import Services
from compute_service.control.unreachable import hosts_out_of_reach
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound
from compute_service.domain.host import Service

FORCED_DOWN = change("2.11")
DOWN_CELLS = change("2.69")


def index(ctx: Context, svc: Services, req: Request) -> views.ServiceList:
    """List services; from 2.69 on also the compute hosts of cells that do not answer."""
    asked = req.query(ServiceQuery)
    host, binary = given(asked.host, None), given(asked.binary, None)
    found = control.list_services(ctx, svc, host, binary)
    view = views.ServiceList(services=[views.whole(one, req.version) for one in found])
    if req.at_least(DOWN_CELLS) and binary in (None, COMPUTE):
        view.services += [
            views.DownService(binary=COMPUTE, host=one.host)
            for one in hosts_out_of_reach(svc)
            if host in (None, one.host)
        ]
    return view


def update_named(ctx: Context, svc: Services, req: Request) -> views.ServiceChanged:
    """Change the service of a host and binary, as the last part of the path says (until 2.52)."""
    act, asked = req.params["service_id"], req.body(NamedServiceUpdate)
    change = views.ServiceChange(binary=asked.binary, host=asked.host)
    if act not in _ACTS or (act == "force-down" and not req.at_least(FORCED_DOWN)):
        raise NotFound(NO_SUCH_PLACE)
    reason, forced = given(asked.disabled_reason, None), given(asked.forced_down, None)
    if act == "disable-log-reason" and reason is None:
        raise Invalid("Missing disabled reason field")
    if act == "force-down" and forced is None:
        raise Invalid("Missing forced_down field")
    service = control.find_service_of_host(ctx, svc, asked.host, asked.binary)
    if act == "force-down":
        control.update_service(ctx, svc, service, forced_down=forced)
        change.forced_down = bool(forced)
    elif act == "enable":
        control.update_service(ctx, svc, service, disabled=False)
        change.status = "enabled"
    else:
        said = reason if act == "disable-log-reason" else None
        control.update_service(ctx, svc, service, disabled=True, reason=said)
        change.status = "disabled"
        if said is not None:
            change.disabled_reason = said
    return views.ServiceChanged(service=change)


_ACTS = ("enable", "disable", "disable-log-reason", "force-down")


def update(ctx: Context, svc: Services, req: Request) -> views.ServiceShown:
    """Change a service (from 2.53 on)."""
    asked = req.body(ServiceUpdate)
    if isinstance(asked.status, UnsetType) and isinstance(asked.forced_down, UnsetType):
        if isinstance(asked.disabled_reason, UnsetType):
            raise Invalid("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
        raise Invalid("Specifying disabled_reason requires that status is disabled.")
    changed = control.update_service(
        ctx,
        svc,
        control.find_service(ctx, svc, _uuid(req)),
        disabled=None if isinstance(asked.status, UnsetType) else asked.status == "disabled",
        reason=given(asked.disabled_reason, None),
        forced_down=given(asked.forced_down, None),
    )
    return views.ServiceShown(service=views.whole(changed, req.version))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a service; with a compute service goes what is known of its host."""
    control.delete_service(ctx, svc, _service(ctx, svc, req))


def _service(ctx: Context, svc: Services, req: Request) -> Service:
    if req.at_least(views.UUIDS):
        return control.find_service(ctx, svc, _uuid(req))
    number = req.params["service_id"]
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise Invalid(f"Invalid input received: id '{number}' is not a whole number")
    return find_service_by_number(svc, int(number))


def _uuid(req: Request) -> str:
    try:
        return read_uuid(req.params["service_id"])
    except ValueError:
        raise Invalid(f"Invalid uuid {req.params['service_id']}") from None
