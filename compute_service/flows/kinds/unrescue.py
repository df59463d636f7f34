"""Unrescue: boot a rescued server from its own disk again."""

from __future__ import annotations

from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import guest_of
from compute_service.flows.kinds.verb import Verb, verb_flow

UNRESCUE = verb_flow(
    Verb(
        kind="unrescue",
        event="compute_unrescue_instance",
        send=lambda run, agent, key: agent.unrescue(key, guest_of(run, PowerState.RUNNING)),
        becomes=VmState.ACTIVE,
        own=frozenset({TaskState.UNRESCUING}),
    )
)
