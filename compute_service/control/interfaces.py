"""A server's interfaces: as the network service has them now, one more, one less.

Who asks for one more waits until the server has it. The work is a flow all the same: should this process die
meanwhile, it goes on, and only the answer is lost.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from compute_service.control.act import Work, admit, check
from compute_service.control.bell import ring
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import (
    ComputeError,
    Invalid,
    NetworkAmbiguous,
    NotFound,
    NotSupported,
    Unavailable,
)
from compute_service.domain.flow import (
    UNFINISHED,
    FlowKey,
    FlowRecord,
    FlowState,
    StepPhase,
    StepRecord,
    StepState,
)
from compute_service.domain.instance import Instance
from compute_service.domain.vif import NetworkRequest, Vif
from compute_service.flows.failure import error_of
from compute_service.flows.kinds.attach_interface import PORT, Attached, AttachParams
from compute_service.flows.kinds.detach_interface import DetachParams
from compute_service.store.flows import flow_cancel, flow_get, steps_of
from compute_service.store.servers import Located

_LOOKS = (0.02, 0.5)
"""Seconds between two looks at a flow that is waited for, at first and at most."""


def interfaces(svc: Services, server: Instance) -> tuple[Vif, ...]:
    """Return a server's interfaces: those it is known to have in their order, then what else is its own.

    Tags are the server's, for the network service does not keep them. Raises Unavailable.
    """
    known = {vif.port_id: (place, vif.tag) for place, vif in enumerate(server.vifs)}
    last = (len(known), None)
    now = (vif.replace(tag=known.get(vif.port_id, last)[1]) for vif in svc.network.describe(server.uuid))
    return tuple(sorted(now, key=lambda vif: known.get(vif.port_id, last)[0]))


def interface(svc: Services, server: Instance, port_id: str) -> Vif:
    """Return one of a server's interfaces. Raises NotFound."""
    for vif in interfaces(svc, server):
        if vif.port_id == port_id:
            return vif
    raise NotFound(f"Server {server.uuid} has no interface with port {port_id}.")


def attach_interface(ctx: Context, svc: Services, server: Located, wanted: NetworkRequest) -> str:
    """Begin to give a server one more interface and return the flow's id; `attached` waits for it.

    Raises Locked, InvalidState, NotReady; NotFound, Invalid, PortInUse, Conflict, Forbidden, OverQuota as
    the network service has it.
    """
    check(ctx, svc, server, ACTIONS["attach_interface"])
    try:
        request = svc.network.resolve_one(ctx, server.instance.project_id, wanted)
    except NetworkAmbiguous as error:
        raise Invalid(error.message) from error
    return admit(
        ctx,
        svc,
        server,
        Work("attach_interface", lambda now: AttachParams(uuid=now.uuid, host=now.host, request=request)),
    )


def attached(svc: Services, server: Located, flow_id: str) -> Vif:
    """Wait until a server has its new interface and return that, as it is now.

    An attachment that takes longer than a call may is asked to stop. Raises what was wrong with the request,
    Invalid when the host cannot do this, ComputeError for all else.
    """
    key = FlowKey(database=server.database, flow_id=flow_id)
    flow = _ended(svc, key)
    if flow.state is not FlowState.DONE:
        raise _refusal(svc, key, flow)
    with svc.store.database(key.database).read() as tx:
        made = next(row for row in steps_of(tx, flow_id) if _is_port(row))
    vif = msgspec.convert(made.output, Attached).vif
    with suppress(Unavailable):
        for now in svc.network.describe(server.instance.uuid):
            if now.port_id == vif.port_id:
                return now.replace(tag=vif.tag)
    return vif


def detach_interface(ctx: Context, svc: Services, server: Located, port_id: str) -> str:
    """Begin to take an interface from a server and return the flow's id.

    Raises Locked, InvalidState, NotReady, NotFound.
    """
    check(ctx, svc, server, ACTIONS["detach_interface"])
    if all(vif.port_id != port_id for vif in server.instance.vifs):
        raise NotFound(f"Port id {port_id} could not be found.")
    return admit(
        ctx,
        svc,
        server,
        Work("detach_interface", lambda now: DetachParams(uuid=now.uuid, host=now.host, port_id=port_id)),
    )


def _ended(svc: Services, key: FlowKey) -> FlowRecord:
    """Wait until a flow has ended, for a bounded time; then ask it to stop. Raises ComputeError."""
    seconds = svc.settings.default.rpc_response_timeout
    until, pause = svc.clock.time() + seconds, _LOOKS[0]
    while True:
        with svc.store.database(key.database).read() as tx:
            flow = flow_get(tx, key.flow_id)
        if flow is None:
            raise ComputeError("What was done to the server is not known any more.")
        if flow.state not in UNFINISHED:
            return flow
        if svc.clock.time() >= until:
            break
        svc.clock.sleep(pause)
        pause = min(pause * 1.5, _LOOKS[1])
    why = f"The interface was not attached within {seconds} seconds."
    with svc.store.database(key.database).alone() as tx:
        flow_cancel(tx, key.flow_id, why)
    ring(svc, key)
    raise ComputeError(why)


def _is_port(row: StepRecord) -> bool:
    return row.name == PORT and row.phase is StepPhase.DO


def _refusal(svc: Services, key: FlowKey, flow: FlowRecord) -> ComputeError:
    """Return why an attachment failed: what the request was refused for, or that the host could not do it."""
    if flow.error is None:
        return ComputeError("The interface could not be attached.")
    with svc.store.database(key.database).read() as tx:
        had_port = any(_is_port(row) and row.state is StepState.DONE for row in steps_of(tx, key.flow_id))
    error = error_of(flow.error)
    if isinstance(error, NotSupported):
        return Invalid(error.message)
    if had_port or error.status >= 500:
        return ComputeError(
            f"Failed to attach network adapter device to {flow.instance_uuid}: {error.message}"
        )
    return error
