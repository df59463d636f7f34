"""External events: what other services tell of servers.

Source: Compute API reference, os-server-external-events.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from compute_service.control.act import act, in_line
from compute_service.control.bell import ring
from compute_service.control.interfaces import interfaces
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Conflict
from compute_service.domain.flow import FlowKey, FlowRecord
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.detach_interface import DetachParams
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.store.database import Tx
from compute_service.store.flows import unfinished_flows_of_instance
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.servers import Located, server_locate

LOG = logging.getLogger(__name__)

VIF_PLUGGED = "network-vif-plugged"
VIF_UNPLUGGED = "network-vif-unplugged"
VIF_DELETED = "network-vif-deleted"
NETWORK_CHANGED = "network-changed"
POWER_UPDATE = "power-update"
_NEEDS_TAG = frozenset({"volume-extended", "volume-reimaged", POWER_UPDATE, "accelerator-request-bound"})
_PORTS_OF = frozenset(
    {
        *("attach_interface", "detach_interface", "build", "evacuate", "live_migrate", "resize"),
        *("revert_resize", "shelve_offload", "unshelve"),
    }
)
"""Flows that keep a server's ports as they make them."""
_GOING = frozenset({TaskState.DELETING, TaskState.SOFT_DELETING})
_POWER = {"POWER_ON": ("start", VmState.STOPPED), "POWER_OFF": ("stop", VmState.ACTIVE)}

ACCEPTED, BAD, MISSING, NOT_NOW = 200, 400, 404, 422


class ExternalEvent(Record):
    """One event; `tag` names a port, a volume or a power state, as the event has it."""

    name: str
    server_uuid: str
    status: str = "completed"
    tag: str | None = None


class EventAnswer(Record):
    """What became of an event: 200 taken, 400 it lacks its tag, 404 no such server, 422 it has no host."""

    event: ExternalEvent
    code: int


def external_events(ctx: Context, svc: Services, events: Sequence[ExternalEvent]) -> tuple[EventAnswer, ...]:
    """Take events and say of each what became of it; one that cannot be used shows `failed`."""
    found: dict[str, Located | None] = {}
    answers = []
    for event in events:
        if event.server_uuid not in found:
            found[event.server_uuid] = _locate(svc, event.server_uuid)
        code = _code(event, found[event.server_uuid])
        server = found[event.server_uuid]
        if code == ACCEPTED and server is not None:
            _take(ctx, svc, server, event)
        answers.append(
            EventAnswer(event=event if code == ACCEPTED else event.replace(status="failed"), code=code)
        )
    return tuple(answers)


def _locate(svc: Services, uuid: str) -> Located | None:
    try:
        return server_locate(svc.store, uuid)
    except ComputeError as error:
        LOG.warning("server %s of an external event cannot be looked up: %s", uuid, error.message)
        return None


def _code(event: ExternalEvent, server: Located | None) -> int:
    if server is None:
        return MISSING
    if server.instance.host is None:
        return NOT_NOW
    if event.name in _NEEDS_TAG and not event.tag:
        return BAD
    if event.name == POWER_UPDATE and event.tag not in _POWER:
        return BAD
    return ACCEPTED


def _take(ctx: Context, svc: Services, server: Located, event: ExternalEvent) -> None:
    """Do what an event asks for; an event is never refused for what comes of it."""
    try:
        if event.name == POWER_UPDATE:
            _turn(ctx, svc, server, event.tag or "")
        elif event.name == VIF_DELETED:
            _detach(ctx, svc, server, event.tag or "")
        elif event.name == NETWORK_CHANGED:
            look_at_ports(svc, server)
        else:
            wake_server(svc, server)
    except ComputeError as error:
        LOG.warning("event %s of server %s came to nothing: %s", event.name, event.server_uuid, error.message)


def _turn(ctx: Context, svc: Services, server: Located, tag: str) -> None:
    """Start or stop a server whose power was turned outside; one that is so already is left alone."""
    key, wanted = _POWER[tag]
    if server.instance.vm_state is not wanted or server.instance.task_state is not None:
        return
    try:
        act(ctx.replace(is_admin=True), svc, server, key)
    except Conflict as error:
        LOG.info("server %s is not to be turned now: %s", server.instance.uuid, error.message)


def wake_server(svc: Services, server: Located) -> None:
    """Have what is being done to a server looked at: it may have waited for this."""
    with svc.store.database(server.database).read() as tx:
        flows = unfinished_flows_of_instance(tx, server.instance.uuid)
    ring(svc, *(FlowKey(database=server.database, flow_id=flow.id) for flow in flows))


def look_at_ports(svc: Services, server: Located) -> None:
    """Keep a server's ports as they are now; what is done to them meanwhile keeps them itself."""
    vifs = interfaces(svc, server.instance)
    with svc.store.database(server.database).write() as tx:
        seen = instance_get(tx, server.instance.uuid)
        if seen is not None and seen.vifs != vifs and not _are_in_hand(tx, seen):
            instance_update(tx, seen, vifs=vifs)
    wake_server(svc, server)


def _are_in_hand(tx: Tx, seen: Instance) -> bool:
    """Tell whether something is done to a server that concerns its ports."""
    return any(flow.kind in _PORTS_OF for flow in unfinished_flows_of_instance(tx, seen.uuid))


def _detach(ctx: Context, svc: Services, server: Located, port: str) -> None:
    """Have a server let go of the interface of a port that was deleted, after what is done to it now.

    A server that is being made or removed is left to that, and a port to what lets go of it already. The row
    is changed for the sake of who admits something else at this moment: they look again at what is in line.
    """
    with svc.store.database(server.database).write() as tx:
        seen = instance_get(tx, server.instance.uuid, lock=True)
        if seen is None or seen.launched_at is None or seen.task_state in _GOING:
            return
        flows = in_line(tx, seen.uuid)
        if all(vif.port_id != port for vif in seen.vifs) or any(_lets_go(flow, port) for flow in flows):
            return
        flow = new_flow(
            "detach_interface",
            DetachParams(uuid=seen.uuid, host=seen.host, port_id=port, gone=True),
            Origin.of(ctx),
            instance_uuid=seen.uuid,
            after=flows[-1].id if flows else None,
        )
        instance_update(tx, seen)
        key = submit(tx, flow)
    ring(svc, key)


def _lets_go(flow: FlowRecord, port: str) -> bool:
    return flow.kind == "detach_interface" and flow.params.get("port_id") == port
