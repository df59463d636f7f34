"""Resume: bring a suspended guest back."""

from __future__ import annotations

from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import guest_of
from compute_service.flows.kinds.verb import Verb, verb_flow

RESUME = verb_flow(
    Verb(
        kind="resume",
        event="compute_resume_instance",
        send=lambda run, agent, key: agent.resume(key, guest_of(run, PowerState.RUNNING)),
        becomes=VmState.ACTIVE,
        own=frozenset({TaskState.RESUMING}),
    )
)
