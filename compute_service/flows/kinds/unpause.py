"""Unpause: let a frozen guest go on."""

from __future__ import annotations

from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.verb import Verb, verb_flow

UNPAUSE = verb_flow(
    Verb(
        kind="unpause",
        event="compute_unpause_instance",
        send=lambda run, agent, key: agent.unpause(key, run.params.uuid),
        becomes=VmState.ACTIVE,
        own=frozenset({TaskState.UNPAUSING}),
    )
)
