"""Puts a flow in the log, inside the transaction that makes it necessary."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from compute_service.domain.context import Context
from compute_service.domain.flow import FlowKey, FlowRecord, FlowState
from compute_service.domain.record import Record
from compute_service.store.database import Tx
from compute_service.store.flows import flow_insert


class Origin(Record):
    """Who asked for a flow; the service itself when all is None."""

    request_id: str | None = None
    global_request_id: str | None = None
    user_id: str | None = None
    project_id: str | None = None

    @classmethod
    def of(cls, ctx: Context) -> Origin:
        """Return the origin of a request."""
        return cls(
            request_id=ctx.request_id,
            global_request_id=ctx.global_request_id,
            user_id=ctx.user_id,
            project_id=ctx.project_id,
        )

    @classmethod
    def like(cls, flow: FlowRecord) -> Origin:
        """Return the origin of a flow, for one that follows from it."""
        return cls(
            request_id=flow.request_id,
            global_request_id=flow.global_request_id,
            user_id=flow.user_id,
            project_id=flow.project_id,
        )


def new_flow(  # noqa: PLR0913 - all but two name what is optional
    kind: str,
    params: Record,
    origin: Origin | None = None,
    *,
    instance_uuid: str | None = None,
    action: str | None = None,
    after: str | None = None,
    flow_id: str | None = None,
) -> FlowRecord:
    """Return a flow that begins at once, or behind `after` when given.

    `flow_id` is set where a repetition must find the flow it made before.
    """
    origin = origin or Origin()
    return FlowRecord(
        id=flow_id or str(uuid4()),
        kind=kind,
        params=msgspec.to_builtins(params),
        state=FlowState.RUNNING if after is None else FlowState.WAITING,
        instance_uuid=instance_uuid,
        action=action,
        after=after,
        request_id=origin.request_id,
        global_request_id=origin.global_request_id,
        user_id=origin.user_id,
        project_id=origin.project_id,
    )


def submit(tx: Tx, flow: FlowRecord) -> FlowKey:
    """Log a flow and return its key; the caller rings `conductor.wake` after the transaction."""
    flow_insert(tx, flow)
    return FlowKey(database=tx.database, flow_id=flow.id)
