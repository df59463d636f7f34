"""Between flows, steps and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import select

from compute_service.domain.flow import Failure, FlowRecord, FlowState, StepPhase, StepRecord, StepState
from compute_service.store.database import Tx, Values
from compute_service.store.sql import dump, dump_some, load_dict
from compute_service.store.tables.flows import flow_steps, flows

_FLOW_FIELDS: Final = (
    "id",
    "kind",
    "instance_uuid",
    "action",
    "after",
    "cancel",
    "lease",
    "owner",
    "wake_at",
    "claims",
    "request_id",
    "global_request_id",
    "user_id",
    "project_id",
    "started_at",
    "updated_at",
    "finished_at",
    "state",
    "params",
    "signals",
    "error",
)
_STEP_FIELDS: Final = (
    "flow_id",
    "seq",
    "name",
    "event",
    "attempt",
    "host",
    "deadline",
    "sent_at",
    "started_at",
    "finished_at",
    "phase",
    "state",
    "output",
    "error",
)
FLOW_SELECT: Final = select(*(flows.c[name] for name in _FLOW_FIELDS))
"""Selects what `flow_of` needs."""
STEP_SELECT: Final = select(*(flow_steps.c[name] for name in _STEP_FIELDS))
"""Selects what `step_of` needs."""
FLOW_WITH_STEPS: Final = (
    select(*FLOW_SELECT.selected_columns, *STEP_SELECT.selected_columns)
    .select_from(flows.outerjoin(flow_steps, flow_steps.c.flow_id == flows.c.id))
    .order_by(flow_steps.c.seq, flow_steps.c.phase)
)
"""Selects what `flow_with_steps_of` needs: a row for each step, or one without a step."""

_failure = msgspec.json.Decoder(Failure).decode
_signals = msgspec.json.Decoder(tuple[str, ...]).decode


def flow_of(row: Values) -> FlowRecord:
    """Make a flow of a row of FLOW_SELECT."""
    values: dict[str, Any] = dict(zip(_FLOW_FIELDS, row, strict=True))
    values["state"] = FlowState(values["state"])
    values["params"] = load_dict(values["params"])
    values["signals"] = _signals(values["signals"]) if values["signals"] else ()
    values["error"] = _failure(values["error"]) if values["error"] else None
    return FlowRecord(**values)


def flow_with_steps_of(rows: Sequence[Values]) -> tuple[FlowRecord, list[StepRecord]]:
    """Make a flow and its steps of the rows of FLOW_WITH_STEPS; there is one at least."""
    width = len(_FLOW_FIELDS)
    return flow_of(rows[0][:width]), [step_of(row[width:]) for row in rows if row[width] is not None]


def flow_row(tx: Tx, flow: FlowRecord) -> dict[str, Any]:
    """Return a flow's columns."""
    values = {name: getattr(flow, name) for name in _FLOW_FIELDS}
    started = flow.started_at or tx.now()
    values |= {
        "state": flow.state.value,
        "params": dump(flow.params),
        "signals": dump_some(flow.signals),
        "error": dump_some(flow.error),
        "started_at": started,
        "updated_at": flow.updated_at or started,
        "followed": False,
    }
    return values


def step_of(row: Values) -> StepRecord:
    """Make a step of a row of STEP_SELECT."""
    values: dict[str, Any] = dict(zip(_STEP_FIELDS, row, strict=True))
    values["phase"] = StepPhase(values["phase"])
    values["state"] = StepState(values["state"])
    values["output"] = load_dict(values["output"])
    values["error"] = _failure(values["error"]) if values["error"] else None
    return StepRecord(**values)


def step_row(tx: Tx, step: StepRecord) -> dict[str, Any]:
    """Return a step's columns."""
    values = {name: getattr(step, name) for name in _STEP_FIELDS}
    values |= {
        "phase": step.phase.value,
        "state": step.state.value,
        "output": dump_some(step.output),
        "error": dump_some(step.error),
        "started_at": step.started_at or tx.now(),
    }
    return values
