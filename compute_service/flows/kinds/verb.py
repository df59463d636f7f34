"""The shape of flows that ask one thing of a server's host: one message, then the new state.

A host that fails is asked again: a verb that was half done converges then. When it goes on failing, or the
flow is asked to stop, the server stays what it was, and what its host reports of it decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.server import OnServer, at_host, faults, settle
from compute_service.flows.step import Flow, Remote, Run

RETRIES = 2
"""How often a verb that failed is sent anew."""

Send = Callable[[Run[Any], ComputeAgent, StepKey], None]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of the agent as a flow."""

    kind: str
    event: str
    """As under os-instance-actions' events."""
    send: Send
    becomes: VmState
    own: frozenset[TaskState]
    params: type[OnServer] = OnServer


def verb_flow(verb: Verb) -> Flow:
    """Return the flow of a verb."""

    def done(run: Run[Any]) -> None:
        built = run.outputs.get(verb.kind)
        power = {"power_state": built.power_state} if isinstance(built, GuestBuilt) else {}
        settle(run, verb.own, vm_state=verb.becomes, **power)

    def failed(run: Run[Any], failure: Failure) -> None:
        settle(run, verb.own, **faults(run, failure))

    step = Remote(
        verb.kind, at_host, verb.send, output=GuestBuilt, event=verb.event, deadline=900.0, retries=RETRIES
    )
    return Flow(verb.kind, verb.params, (step,), on_done=done, on_failed=failed, on_stuck=failed)
