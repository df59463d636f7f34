"""Admits an action on a server: checks it against the table, claims its task state, logs its flow, rings.

A flow that is still unfinished is waited for; when the action is one that may come in the middle of another
(delete, hard reboot), the other is asked to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from compute_service.control.bell import ring
from compute_service.control.find import find_server
from compute_service.control.liveness import host_must_be_up
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS, Action
from compute_service.domain.context import Context
from compute_service.domain.errors import NotReady, Stale
from compute_service.domain.flow import (
    API_DATABASE,
    FlowKey,
    FlowRecord,
    FlowState,
    StepPhase,
    StepRecord,
    StepState,
)
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.flows.kinds.server import OnServer
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.store.database import Tx
from compute_service.store.flows import flow_cancel, flow_insert, step_start, unfinished_flows_of_instance
from compute_service.store.instances import instance_update
from compute_service.store.servers import Located

_TRIES = 4
"""How often a server is read that others change while something is admitted."""
NOTE = "note"
"""The kind of a flow that only tells that something was done; nothing runs it."""


@dataclass(frozen=True, slots=True)
class Work:
    """An action as it is to be admitted. Its functions get the server's row as it is when that happens."""

    key: str
    """Of `domain.actions.ACTIONS`."""
    params: Callable[[Instance], Record] = lambda seen: OnServer(uuid=seen.uuid, host=seen.host)
    """Makes the flow's parameters."""
    changes: Callable[[Instance], dict[str, Any]] = lambda seen: {}
    """What changes in the row beside its task state."""
    also: Callable[[Tx, Instance, FlowRecord], None] = lambda tx, seen, flow: None
    """Writes more in the same transaction."""
    flow_id: str = field(default_factory=lambda: str(uuid4()))


class Nothing(Record):
    """No parameters."""


def act(ctx: Context, svc: Services, server: Located, key: str, params: Record | None = None) -> str:
    """Admit an action and return its flow's id. Raises Locked, InvalidState, NotReady or Conflict."""
    if params is None:
        return admit(ctx, svc, server, Work(key))
    return admit(ctx, svc, server, Work(key, params=lambda seen: params))


def admit(ctx: Context, svc: Services, server: Located, work: Work) -> str:
    """Admit an action and return its flow's id; a server that changed since it was read is read again.

    Raises Locked, InvalidState, NotReady or Conflict, and what `also` raises.
    """
    action = ACTIONS[work.key]
    for left in reversed(range(_TRIES)):
        check(ctx, svc, server, action)
        try:
            return _log(ctx, svc, server, work)
        except Stale:
            if not left:
                raise
        server = find_server(ctx, svc, server.instance.uuid)
    raise AssertionError("unreachable")


def check(ctx: Context, svc: Services, server: Located, action: Action) -> None:
    """Refuse an action that the server's state, its lock or its host does not allow."""
    action.check(server.instance, ctx.is_admin)
    host = server.instance.host
    if action.host_up and host is not None:
        host_must_be_up(svc, server.database, host)


def _log(ctx: Context, svc: Services, server: Located, work: Work) -> str:
    action, seen = ACTIONS[work.key], server.instance
    if server.database == API_DATABASE:
        raise NotReady(seen.uuid)
    with svc.store.database(server.database).write() as tx:
        behind = wait_behind(tx, seen, action)
        during = {} if action.during is None else {"task_state": action.during}
        instance_update(tx, seen, **during, **work.changes(seen))
        flow = new_flow(
            action.flow or NOTE,
            work.params(seen),
            Origin.of(ctx),
            instance_uuid=seen.uuid,
            action=action.name,
            after=behind[-1].flow_id if behind else None,
            flow_id=work.flow_id,
        )
        work.also(tx, seen, flow)
        key = submit(tx, flow)
    ring(svc, *behind, key)
    return flow.id


def wait_behind(tx: Tx, seen: Instance, action: Action) -> list[FlowKey]:
    """Return the server's unfinished flows, the last one last, asked to stop if the action interrupts them.

    A flow whose server is idle has done its work already and only has to say so.
    """
    unfinished = in_line(tx, seen.uuid)
    if seen.task_state is not None or action.flow == "delete":
        for flow in unfinished:
            flow_cancel(tx, flow.id, f"overtaken by {action.name}")
    return [FlowKey(database=tx.database, flow_id=flow.id) for flow in unfinished]


def in_line(tx: Tx, uuid: str) -> list[FlowRecord]:
    """Return a server's unfinished flows; the last one is that which nobody waits for yet."""
    unfinished = unfinished_flows_of_instance(tx, uuid)
    waited_for = {flow.after for flow in unfinished}
    return sorted(unfinished, key=lambda flow: flow.id not in waited_for)


def note(tx: Tx, ctx: Context, instance_uuid: str, action: str, event: str | None = None) -> None:
    """Record among a server's actions that something was done at once."""
    now = tx.now()
    flow = new_flow(NOTE, Nothing(), Origin.of(ctx), instance_uuid=instance_uuid, action=action)
    flow_insert(tx, flow.replace(state=FlowState.DONE, started_at=now, updated_at=now, finished_at=now))
    if event is not None:
        step_start(
            tx,
            StepRecord(
                flow_id=flow.id,
                seq=0,
                phase=StepPhase.DO,
                name=event,
                event=event,
                state=StepState.DONE,
                started_at=now,
                finished_at=now,
            ),
        )
