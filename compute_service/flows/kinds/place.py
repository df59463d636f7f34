"""Place: find hosts for all servers of one request and hand each to the cell of its host.

A server moves in two transactions, one in the cell and then one in the API database, and repeating either
changes nothing. What a user changed of it meanwhile, or asked for (a delete), is carried after it. A server
that finds no host goes to cell0 with the reason, by the same way.
"""

from __future__ import annotations

from collections.abc import Iterable

from compute_service.control.bell import ring
from compute_service.domain.errors import ComputeError, NoValidHost
from compute_service.domain.flow import Failure, FlowKey, FlowRecord, FlowState
from compute_service.domain.host import CELL0
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.domain.request import PlacementRequest, Selection, SelectRequest
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.build import BuildParams, build_id
from compute_service.flows.kinds.company import with_company
from compute_service.flows.kinds.handing import Handover, hand_over, settle_move
from compute_service.flows.kinds.server import fault_of, without_password
from compute_service.flows.step import Flow, Run, Step
from compute_service.flows.submit import Origin, new_flow
from compute_service.ports.network import NetworkPlan
from compute_service.store.instances import instances_get

NO_HOST = "No valid host was found. There are not enough hosts available."
EVENT = "conductor_schedule_and_build_instances"


class PlaceParams(Record):
    """Parameters of a placing: equal servers of one request."""

    servers: tuple[str, ...]
    request: PlacementRequest
    plan: NetworkPlan


def _unplaced(run: Run[PlaceParams]) -> list[Instance]:
    """Return the servers that are still without a cell, in the order asked for."""
    with run.svc.store.api.read() as tx:
        found = instances_get(tx, run.params.servers)
    return [found[uuid] for uuid in run.params.servers if uuid in found]


def _place(run: Run[PlaceParams]) -> None:
    unplaced = _unplaced(run)
    if run.flow.claims > 1 or run.step.attempt > 0:
        unplaced = _settle_begun(run, unplaced)
    wanted = [one for one in unplaced if one.task_state is not TaskState.DELETING]
    unwanted = [one for one in unplaced if one.task_state is TaskState.DELETING]
    if unwanted:
        _bury(
            run, unwanted, Failure(kind="Cancelled", message="The server was deleted before it was placed.")
        )
    if not wanted:
        return
    consumers = tuple(one.uuid for one in wanted)
    request = with_company(run.svc, run.params.request, consumers)
    decision = run.svc.scheduler.select(
        SelectRequest(request=request, consumers=consumers, alternates=_alternates(run))
    )
    if not decision.selections:
        raise NoValidHost(decision.message or NO_HOST, decision.refused)
    cells: dict[str, list[Handover]] = {}
    for one, selection in zip(wanted, decision.selections, strict=True):
        cells.setdefault(selection.claim.cell, []).append(_handover(run, one, selection))
    for cell, servers in cells.items():
        hand_over(run.svc, cell, servers)
        ring(run.svc, *(FlowKey(database=cell, flow_id=one.build.id) for one in servers))


def _alternates(run: Run[PlaceParams]) -> int:
    forced = run.params.request.force_host or run.params.request.force_node
    return 0 if forced else run.svc.settings.scheduler.max_attempts - 1


def _handover(run: Run[PlaceParams], seen: Instance, selection: Selection) -> Handover:
    claim = selection.claim
    params = BuildParams(uuid=seen.uuid, plan=run.params.plan, claim=claim, alternates=selection.alternates)
    placed = seen.replace(
        host=claim.host,
        node=claim.node,
        availability_zone=claim.availability_zone,
        task_state=TaskState.NETWORKING,
    )
    return Handover(seen=seen, placed=placed, build=_build(run, params))


def _build(run: Run[PlaceParams], params: BuildParams) -> FlowRecord:
    """Return the server's build flow as it waited behind this one, now set going."""
    flow = new_flow(
        "build",
        params,
        Origin.like(run.flow),
        instance_uuid=params.uuid,
        action="create",
        flow_id=build_id(params.uuid),
    )
    return flow.replace(started_at=run.flow.started_at, after=run.flow.id)


def _bury(run: Run[PlaceParams], servers: Iterable[Instance], failure: Failure) -> None:
    """Give servers that found no host to cell0, with the reason."""
    now = run.svc.clock.now()
    buried = []
    for seen in servers:
        build = _build(run, BuildParams(uuid=seen.uuid, plan=run.params.plan))
        ended = build.replace(state=FlowState.FAILED, error=failure, finished_at=now, updated_at=now)
        deleting = seen.task_state is TaskState.DELETING
        placed = seen.replace(
            vm_state=VmState.ERROR,
            task_state=TaskState.DELETING if deleting else None,
            fault=None if deleting else fault_of(failure, now),
            system_metadata=without_password(seen),
        )
        buried.append(Handover(seen=seen, placed=placed, build=ended))
    if buried:
        hand_over(run.svc, CELL0, buried)


def _undo(run: Run[PlaceParams]) -> None:
    """Finish the moves that were begun, and drop the claims of all servers that are left."""
    for one in _settle_begun(run, _unplaced(run)):
        run.svc.placement.release(one.uuid)


def _settle_begun(run: Run[PlaceParams], unplaced: list[Instance]) -> list[Instance]:
    """Finish the moves of servers that are in a cell already, and return the others."""
    if not unplaced:
        return []
    left = unplaced
    uuids = [one.uuid for one in left]
    for cell, moved in run.svc.store.fan_out(lambda tx: instances_get(tx, uuids, deleted=True)).items():
        if isinstance(moved, ComputeError):
            raise moved
        settle_move(run.svc, cell, [one for one in left if one.uuid in moved])
        left = [one for one in left if one.uuid not in moved]
    return left


def _failed(run: Run[PlaceParams], failure: Failure) -> None:
    _bury(run, _unplaced(run), failure)


PLACE = Flow(
    "place",
    PlaceParams,
    (Step("place", _place, _undo, event=EVENT),),
    on_failed=_failed,
)
