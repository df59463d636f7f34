"""Pause: freeze the guest in memory."""

from __future__ import annotations

from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.verb import Verb, verb_flow

PAUSE = verb_flow(
    Verb(
        kind="pause",
        event="compute_pause_instance",
        send=lambda run, agent, key: agent.pause(key, run.params.uuid),
        becomes=VmState.PAUSED,
        own=frozenset({TaskState.PAUSING}),
    )
)
