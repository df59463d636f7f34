"""Suspend: save the guest's memory to disk and stop it."""

from __future__ import annotations

from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import guest_of
from compute_service.flows.kinds.verb import Verb, verb_flow

SUSPEND = verb_flow(
    Verb(
        kind="suspend",
        event="compute_suspend_instance",
        send=lambda run, agent, key: agent.suspend(key, run.params.uuid),
        undo=lambda run, agent, key: agent.resume(key, guest_of(run, PowerState.RUNNING)),
        becomes=VmState.SUSPENDED,
        own=frozenset({TaskState.SUSPENDING}),
    )
)
