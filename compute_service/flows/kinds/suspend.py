"""Suspend: save the guest's memory to disk and stop it."""

from __future__ import annotations

from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.verb import Verb, verb_flow

SUSPEND = verb_flow(
    Verb(
        kind="suspend",
        event="compute_suspend_instance",
        send=lambda run, agent, key: agent.suspend(key, run.params.uuid),
        becomes=VmState.SUSPENDED,
        own=frozenset({TaskState.SUSPENDING}),
    )
)
