"""Place: find hosts for all servers of one request and hand each to the cell of its host.

A server moves in two transactions, one in the cell and then one in the API database, and repeating either
changes nothing. What a user changed of it meanwhile, or asked for (a delete), is carried after it. A server
that finds no host goes to cell0 with the reason, by the same way. A cell whose database does not answer gets
nothing: the servers that were to go there go elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from compute_service.control.bell import ring
from compute_service.domain.errors import NoValidHost
from compute_service.domain.flow import Failure, FlowKey, FlowRecord, FlowState
from compute_service.domain.host import CELL0
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.domain.request import PlacementRequest, Selection, SelectRequest
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.build import BuildParams, build_id
from compute_service.flows.kinds.company import with_company
from compute_service.flows.kinds.handing import Handover, NotThere, hand_over
from compute_service.flows.kinds.server import fault_of, without_password
from compute_service.flows.kinds.whereabouts import Whereabouts, settle_begun
from compute_service.flows.step import Flow, Run, Step
from compute_service.flows.submit import Origin, new_flow
from compute_service.ports.network import NetworkPlan
from compute_service.store.instances import instances_get

LOG = logging.getLogger(__name__)

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
    found = Whereabouts(_unplaced(run))
    if run.flow.claims > 1 or run.step.attempt > 0:
        found = settle_begun(run.svc, found.free)
    unwanted = [one for one in found.free if one.task_state is TaskState.DELETING]
    if unwanted:
        _bury(
            run, unwanted, Failure(kind="Cancelled", message="The server was deleted before it was placed.")
        )
    wanted = [one for one in found.free if one.task_state is not TaskState.DELETING]
    away: list[str] = []
    while wanted:
        wanted = _give_to_cells(run, wanted, away)
    if found.trouble is not None and found.unclear:
        raise found.trouble


def _give_to_cells(run: Run[PlaceParams], wanted: Sequence[Instance], away: list[str]) -> list[Instance]:
    """Find hosts outside the cells that are `away` and give each server to its cell.

    Returns the servers of cells that turn out to be away too, which `away` is then told of.
    """
    consumers = tuple(one.uuid for one in wanted)
    request = with_company(run.svc, run.params.request.replace(ignore_cells=tuple(away)), consumers)
    decision = run.svc.scheduler.select(
        SelectRequest(request=request, consumers=consumers, alternates=_alternates(run))
    )
    if not decision.selections:
        raise NoValidHost(decision.message or NO_HOST, decision.refused)
    # A single build goes on right here. Many are rung for, and so is one that may be in a cell already.
    alone = len(wanted) == 1 and run.flow.claims == 1 and run.step.attempt == 0
    cells: dict[str, list[Handover]] = {}
    for one, selection in zip(wanted, decision.selections, strict=True):
        handover = _handover(run, one, selection)
        if alone:
            handover = replace(handover, build=run.as_own(handover.build))
        cells.setdefault(selection.claim.cell, []).append(handover)
    left: list[Instance] = []
    for cell, servers in cells.items():
        try:
            there = hand_over(run.svc, cell, servers)
        except NotThere as error:
            LOG.warning("servers are placed elsewhere than in cell %s: %s", cell, error.message)
            gone = [one.seen for one in servers]
            for seen in gone:
                run.svc.placement.release(seen.uuid)
            if cell in away:
                raise
            away.append(cell)
            left += gone
        else:
            keys = [FlowKey(database=cell, flow_id=one.build.id) for one in servers]
            if alone and there:
                run.go_on_with(keys[0], servers[0].build, there[0])
            else:
                ring(run.svc, *keys)
    return left


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
    found = settle_begun(run.svc, _unplaced(run))
    for one in found.free:
        run.svc.placement.release(one.uuid)
    if found.trouble is not None and found.unclear:
        raise found.trouble


def _failed(run: Run[PlaceParams], failure: Failure) -> None:
    _bury(run, _unplaced(run), failure)


PLACE = Flow(
    "place",
    PlaceParams,
    (Step("place", _place, _undo, event=EVENT, retries=8),),
    on_failed=_failed,
)
