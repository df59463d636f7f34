"""`nova-manage flow`: the durable work of the service as operators see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from compute_service.domain.errors import ComputeError, Invalid
from compute_service.domain.flow import UNFINISHED, FlowKey, FlowRecord, FlowState, StepPhase, StepRecord
from compute_service.flows.engine import abandon_flow, retry_flow
from compute_service.manage.table import Table
from compute_service.manage.tools import FAILED, JSON, OK, Command, Options, Tools, argument, switch, told
from compute_service.store.engine import Store
from compute_service.store.flows import FlowQuery, flow_get, flow_page, steps_of, steps_of_flows

NOT_STUCK = 2
LIST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Holder:
    """A store for those who ask for something that holds one."""

    store: Store


def list_flows(options: Options, tools: Tools) -> int:
    """Print flows, newest first: the unfinished and stuck ones unless told otherwise. 1 for a bad --state."""
    store = tools.store()
    try:
        query = FlowQuery(
            states=_states(options),
            instance_uuid=options.instance,
            limit=options.limit,
            kinds=_kinds(options),
        )
    except Invalid as error:
        tools.say(error.message)
        return FAILED
    rows: list[tuple[Any, ...]] = []
    for name, answer in store.fan_out(lambda tx: _page(tx, query), databases=store.names()).items():
        if isinstance(answer, ComputeError):
            tools.say(f"ERROR: database {name}: {told(answer)}")
            return FAILED
        flows, steps = answer
        rows += [_row(name, flow, steps.get(flow.id, [])) for flow in flows]
    rows.sort(key=lambda row: (str(row[7]), row[0]), reverse=True)
    headings = ("ID", "Kind", "State", "Server", "Action", "Step", "Database", "Started", "Error")
    tools.show(Table(headings, rows[: options.limit]), options)
    return OK


def _page(tx: Any, query: FlowQuery) -> tuple[list[FlowRecord], dict[str, list[StepRecord]]]:
    flows = flow_page(tx, query)
    return flows, steps_of_flows(tx, [flow.id for flow in flows]) if flows else {}


def _states(options: Options) -> tuple[FlowState, ...]:
    if options.all:
        return ()
    if not options.state:
        return (*sorted(UNFINISHED), FlowState.STUCK)
    try:
        return tuple(FlowState(state) for state in options.state)
    except ValueError as error:
        raise Invalid(f"States of flows are {', '.join(FlowState)}.") from error


def _kinds(options: Options) -> tuple[str, ...]:
    return (options.kind,) if options.kind else ()


def _row(database: str, flow: FlowRecord, steps: list[StepRecord]) -> tuple[Any, ...]:
    last = max(steps, key=_when, default=None)
    where = "" if last is None else f"{last.name} ({last.phase}, {last.state})"
    error = flow.error.message if flow.error is not None else None
    return (
        flow.id,
        flow.kind,
        flow.state,
        flow.instance_uuid,
        flow.action,
        where,
        database,
        flow.started_at,
        error,
    )


def _when(step: StepRecord) -> tuple[bool, int]:
    """Order steps as they come: forwards, then back."""
    undone = step.phase is StepPhase.UNDO
    return undone, -step.seq if undone else step.seq


def show(options: Options, tools: Tools) -> int:
    """Print one flow with its steps. 1 when there is none of this id."""
    store = tools.store()
    found = find_flow(store, options.id)
    if found is None:
        tools.say(f"Flow {options.id} was not found.")
        return FAILED
    key, flow = found
    with store.database(key.database).read() as tx:
        steps = steps_of(tx, flow.id)
    if options.json:
        tools.show_json(msgspec.to_builtins({"database": key.database, "flow": flow, "steps": steps}))
        return OK
    fields = (
        ("ID", flow.id),
        ("Kind", flow.kind),
        ("State", flow.state),
        ("Database", key.database),
        ("Server", flow.instance_uuid),
        ("Action", flow.action),
        ("Request", flow.request_id),
        ("Global request", flow.global_request_id),
        ("Behind", flow.after),
        ("Cancelled", flow.cancel),
        ("Owner", flow.owner),
        ("Started", flow.started_at),
        ("Finished", flow.finished_at),
        ("Error", flow.error and f"{flow.error.kind}: {flow.error.message}"),
    )
    tools.say(Table(("Field", "Value"), fields))
    tools.say(
        Table(
            ("Step", "Phase", "State", "Attempt", "Host", "Started", "Finished", "Error"), map(_step, steps)
        )
    )
    return OK


def _step(step: StepRecord) -> tuple[Any, ...]:
    error = step.error and step.error.message
    return (
        step.name,
        step.phase,
        step.state,
        step.attempt,
        step.host,
        step.started_at,
        step.finished_at,
        error,
    )


def find_flow(store: Store, flow_id: str) -> tuple[FlowKey, FlowRecord] | None:
    """Look for a flow in every database. Raises Unavailable when it may be in one that does not answer."""
    answers = store.fan_out(lambda tx: flow_get(tx, flow_id), databases=store.names())
    for name, answer in answers.items():
        if isinstance(answer, FlowRecord):
            return FlowKey(database=name, flow_id=flow_id), answer
    for answer in answers.values():
        if isinstance(answer, ComputeError):
            raise answer
    return None


def retry(options: Options, tools: Tools) -> int:
    """Let a stuck flow go on. 1 when there is none of this id, 2 when it is not stuck."""
    return _stuck(options, tools, lambda store, key: retry_flow(Holder(store), key), "goes on")


def abandon(options: Options, tools: Tools) -> int:
    """Give a stuck flow up. 1 when there is none of this id, 2 when it is not stuck."""
    return _stuck(
        options, tools, lambda store, key: abandon_flow(Holder(store), key) is not None, "was given up"
    )


def _stuck(options: Options, tools: Tools, do: Any, done: str) -> int:
    store = tools.store()
    found = find_flow(store, options.id)
    if found is None:
        tools.say(f"Flow {options.id} was not found.")
        return FAILED
    if not do(store, found[0]):
        tools.say(f"Flow {options.id} is not stuck but {found[1].state}.")
        return NOT_STUCK
    tools.say(f"Flow {options.id} {done}.")
    return OK


_ID = argument("id", help="The flow.")

COMMANDS = (
    Command(
        "list",
        "List unfinished and stuck flows.",
        list_flows,
        (
            argument("--state", action="append", help="Flows in this state; may be given more than once."),
            switch("--all", "Flows in any state."),
            argument("--instance", metavar="UUID", help="Flows of this server."),
            argument("--kind", help="Flows of this kind."),
            argument("--limit", type=int, default=LIST_LIMIT, metavar="N", help="The most flows to list."),
            JSON,
        ),
    ),
    Command("show", "Show a flow and its steps.", show, (_ID, JSON)),
    Command("retry", "Let a stuck flow go on.", retry, (_ID,)),
    Command("abandon", "Give a stuck flow up: what it holds stays as it is.", abandon, (_ID,)),
)
