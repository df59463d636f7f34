"""Stop: ask the guest to shut down, and cut its power when it does not."""

from __future__ import annotations

from typing import Any

from compute_service.domain.flow import StepKey
from compute_service.domain.instance import Instance
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.server import row_of
from compute_service.flows.kinds.verb import Verb, verb_flow
from compute_service.flows.step import Run


def shutdown_timeout(instance: Instance, default: int) -> int:
    """Return the seconds a guest has to shut down: its image's `os_shutdown_timeout`, or the default."""
    asked = instance.image_properties.get("os_shutdown_timeout", "")
    return int(asked) if asked.isdecimal() else default


def _send(run: Run[Any], agent: ComputeAgent, key: StepKey) -> None:
    seconds = shutdown_timeout(row_of(run), run.svc.settings.default.shutdown_timeout)
    agent.power_off(key, run.params.uuid, seconds)


STOP = verb_flow(
    Verb(
        kind="stop",
        event="compute_stop_instance",
        send=_send,
        becomes=VmState.STOPPED,
        own=frozenset({TaskState.POWERING_OFF}),
    )
)
