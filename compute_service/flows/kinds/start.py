"""Start: power on a stopped server."""

from __future__ import annotations

from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.server import guest_of
from compute_service.flows.kinds.verb import Verb, verb_flow

START = verb_flow(
    Verb(
        kind="start",
        event="compute_start_instance",
        send=lambda run, agent, key: agent.power_on(key, guest_of(run, PowerState.RUNNING)),
        becomes=VmState.ACTIVE,
        own=frozenset({TaskState.POWERING_ON}),
    )
)
