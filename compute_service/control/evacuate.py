"""Evacuate: have a server made anew elsewhere, for its host has failed."""

from __future__ import annotations

from compute_service.control.act import Work, admit, check
from compute_service.control.liveness import host_is_up
from compute_service.control.names import new_password
from compute_service.control.notices import About, tell_server
from compute_service.control.resize import move_request
from compute_service.control.sealing import seal
from compute_service.control.services import Services
from compute_service.control.spec import ADMIN_PASSWORD
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound
from compute_service.domain.flow import FlowRecord
from compute_service.domain.instance import Instance
from compute_service.domain.order import EvacuationOrder
from compute_service.domain.request import PlacementRequest
from compute_service.flows.kinds.evacuate import EvacuateParams, evacuation_of
from compute_service.store.database import Tx
from compute_service.store.mappings import host_mapping_get
from compute_service.store.migrations import migration_insert
from compute_service.store.servers import Located


def evacuate(ctx: Context, svc: Services, server: Located, order: EvacuationOrder) -> str:
    """Begin an evacuation and return the administrator's password of the new guest.

    Raises Invalid (its host is up, or is the one asked for), NotFound (no such host), InvalidState, NotReady.
    """
    check(ctx, svc, server, ACTIONS["evacuate"])
    _host_must_be_down(svc, server)
    request = _request(ctx, svc, server, order)
    password = order.admin_password or new_password(svc.settings.default.password_length)
    sealed = seal(svc.settings, password)

    def params(now: Instance) -> EvacuateParams:
        return EvacuateParams(
            uuid=now.uuid, host=now.host, was=now.vm_state, request=request, ends_stopped=order.ends_stopped
        )

    def also(tx: Tx, now: Instance, flow: FlowRecord) -> None:
        migration_insert(tx, evacuation_of(flow, now, svc.clock.now()))

    work = Work(
        "evacuate",
        params,
        lambda now: {"system_metadata": {**now.system_metadata, ADMIN_PASSWORD: sealed}},
        also,
    )
    admit(ctx, svc, server, work)
    tell_server(svc, "instance.evacuate", "", About(server.instance))
    return password


def _host_must_be_down(svc: Services, server: Located) -> None:
    host = server.instance.host
    if host is not None and host_is_up(svc, server.database, host):
        raise Invalid(f"Compute service of {host} is still in use.")


def _request(ctx: Context, svc: Services, server: Located, order: EvacuationOrder) -> PlacementRequest:
    """Return what the scheduler is asked: a forced host is claimed without asking whether it suits."""
    request = move_request(ctx, svc, server, server.instance.flavor, leave=True)
    if order.host is None:
        return request
    if order.host == server.instance.host:
        raise Invalid("The target host can't be the same one.")
    with svc.store.api.read() as tx:
        mapping = host_mapping_get(tx, order.host)
    if mapping is None or mapping.cell != server.database:
        raise NotFound(f"Compute host {order.host} could not be found.")
    if order.force:
        return request.replace(force_host=order.host)
    return request.replace(requested_host=order.host)
