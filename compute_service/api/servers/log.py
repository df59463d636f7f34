"""What was done to a server (os-instance-actions): its flows, and their steps as events.

Source: Compute API reference, "Servers actions" (os-instance-actions).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import TIME
from compute_service.api.links import Link
from compute_service.api.paging import next_page, page_size
from compute_service.api.policies import server_parts as policy
from compute_service.api.query import Limit, Query
from compute_service.api.request import Request
from compute_service.api.servers.look import host_id
from compute_service.api.shape import View, given, since
from compute_service.api.times import stamp, stamp_or_none
from compute_service.api.versions import change, minor
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound
from compute_service.domain.flow import FlowRecord, FlowState, StepPhase, StepRecord, StepState
from compute_service.flows.kinds.build import build_id
from compute_service.flows.kinds.place import EVENT as PLACING
from compute_service.store.flows import flows_of_instance, steps_of_flows

EVENTS_FOR_ALL = change("2.51")
PAGED = change("2.58")


class LogQuery(Query):
    """GET /servers/{server_id}/os-instance-actions."""

    STRICT = minor("2.58")
    ONCE = True

    limit: Annotated[Limit, since("2.58")] = UNSET
    marker: Annotated[str | UnsetType, since("2.58")] = UNSET
    changes_since: Annotated[datetime | UnsetType, TIME, since("2.58")] = msgspec.field(
        default=UNSET, name="changes-since"
    )
    changes_before: Annotated[datetime | UnsetType, TIME, since("2.66")] = msgspec.field(
        default=UNSET, name="changes-before"
    )


class ActionView(View):
    """One thing that was done."""

    action: str
    instance_uuid: str
    request_id: str
    user_id: str | None
    project_id: str | None
    start_time: str
    message: str | None
    updated_at: Annotated[str | UnsetType | None, since("2.58")] = UNSET


class ActionList(View):
    """GET /servers/{server_id}/os-instance-actions."""

    actions: list[ActionView] = msgspec.field(name="instanceActions")
    links: Annotated[list[Link] | UnsetType, since("2.58")] = UNSET


class EventView(View):
    """A step of it. `host`, `traceback` and `details` are for some only."""

    event: str
    start_time: str
    finish_time: str | None
    result: str | None
    traceback: str | UnsetType | None = UNSET
    host_id: Annotated[str | UnsetType, since("2.62")] = msgspec.field(default=UNSET, name="hostId")
    host: Annotated[str | UnsetType | None, since("2.62")] = UNSET
    details: Annotated[str | UnsetType | None, since("2.84")] = UNSET


class ActionDetails(ActionView):
    """One thing that was done, with its events."""

    events: list[EventView] | UnsetType = UNSET


class ActionShown(View):
    """GET /servers/{server_id}/os-instance-actions/{request_id}."""

    action: ActionDetails = msgspec.field(name="instanceAction")


def index(ctx: Context, svc: Services, req: Request) -> ActionList:
    """List what was done to a server, newest first."""
    asked = req.query(LogQuery)
    after, before = given(asked.changes_since, None), given(asked.changes_before, None)
    if after is not None and before is not None and after > before:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    paged = req.at_least(PAGED)
    limit = page_size(asked.limit, svc.settings.api.max_limit) if paged else None
    uuid = req.server.instance.uuid
    with svc.store.database(req.server.database).read() as tx:
        found = flows_of_instance(
            tx,
            uuid,
            changes_since=after,
            changes_before=before,
            marker=given(asked.marker, None),
            limit=limit,
        )
    view = ActionList(actions=[ActionView(**_action(tries, uuid)) for tries in _tries(found)])
    if found and len(found) == limit:
        path = f"servers/{uuid}/os-instance-actions"
        view.links = next_page(req.links, path, req.pairs, found[-1].request_id or found[-1].id)
    return view


def show(ctx: Context, svc: Services, req: Request) -> ActionShown:
    """Show one thing that was done, by the id of the request that asked for it."""
    uuid, request_id = req.server.instance.uuid, req.params["request_id"]
    with svc.store.database(req.server.database).read() as tx:
        found = flows_of_instance(tx, uuid, request_id=request_id)
        if not found:
            raise NotFound(f"Action for request_id {request_id} on instance {uuid} not found")
        steps = steps_of_flows(tx, [flow.id for flow in found])
    view = ActionDetails(**_action(found, uuid))
    if req.at_least(EVENTS_FOR_ALL) or req.allows(policy.ACTIONS_EVENTS):
        logged = [step for flow in found for step in (*_placing(flow, steps), *steps.get(flow.id, []))]
        view.events = _events(logged, req)
    return ActionShown(action=view)


def _tries(flows: list[FlowRecord]) -> list[list[FlowRecord]]:
    """Put together the flows that are tries of one action: what fails on one host goes on as another flow."""
    groups = groupby(flows, key=lambda flow: (flow.request_id or flow.id, flow.action))
    return [list(tries) for _, tries in groups]


def _action(tries: list[FlowRecord], uuid: str) -> dict[str, Any]:
    last, first = tries[0], tries[-1]
    return {
        "action": first.action,
        "instance_uuid": uuid,
        "request_id": first.request_id or first.id,
        "user_id": first.user_id,
        "project_id": first.project_id,
        "start_time": stamp_or_none(first.started_at),
        "message": _message(last),
        "updated_at": stamp_or_none(last.updated_at or last.started_at),
    }


def _message(flow: FlowRecord) -> str | None:
    """Return "Error" for what failed, and nothing for what went well or still goes on."""
    return "Error" if flow.state in (FlowState.FAILED, FlowState.STUCK) else None


def _placing(flow: FlowRecord, steps: dict[str, list[StepRecord]]) -> Iterator[StepRecord]:
    """Return how a server that is being built was placed, which its build's log does not say.

    It took until the build began, and failed where the build never did.
    """
    if flow.kind != "build" or flow.instance_uuid is None or flow.state is FlowState.WAITING:
        return
    if flow.id != build_id(flow.instance_uuid):
        return  # a further try, on another of the hosts that were chosen then
    begun = min((step.started_at for step in steps.get(flow.id, []) if step.started_at), default=None)
    yield StepRecord(
        flow_id=flow.id,
        seq=-1,
        phase=StepPhase.DO,
        name="place",
        event=PLACING,
        state=StepState.FAILED if flow.finished_at and not begun else StepState.DONE,
        started_at=flow.started_at,
        finished_at=begun or flow.finished_at,
        error=None if begun else flow.error,
    )


def _events(steps: list[StepRecord], req: Request) -> list[EventView]:
    """Return the steps that are shown, newest first."""
    everything = req.allows(policy.ACTIONS_EVENTS)
    details = req.allows(policy.ACTIONS_EVENTS_DETAILS)
    shown = [s for s in steps if s.event and s.phase is StepPhase.DO and s.started_at is not None]
    shown.sort(key=lambda step: (step.started_at or datetime.min, step.seq), reverse=True)
    project = req.server.instance.project_id
    return [_event(step, project, everything, details) for step in shown]


def _event(step: StepRecord, project: str, everything: bool, details: bool) -> EventView:
    failed = step.state is StepState.FAILED
    result = "Error" if failed else "Success" if step.state is StepState.DONE else None
    view = EventView(
        event=step.event or step.name,
        start_time=stamp(step.started_at or datetime.min),
        finish_time=stamp_or_none(step.finished_at),
        result=result,
        host_id=host_id(project, step.host),
    )
    if everything:
        view.traceback = step.error.details or None if step.error is not None else None
        view.host = step.host
    if details:
        view.details = step.error.message if step.error is not None else None
    return view
