"""What is set right without a request: each reconciler compares what is with what should be, and acts.

The contract: no input; safe to run at any time, twice, and in several conductors at once; bounded in one run;
no retries of its own, for it comes round again. What it wants done to a server it submits as the ordinary
flow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from compute_service.conductor.reconcilers.abandoned import AbandonedMoves
from compute_service.conductor.reconcilers.allocations import LostAllocations
from compute_service.conductor.reconcilers.counts import QuotaCounts
from compute_service.conductor.reconcilers.discovery import NewHosts
from compute_service.conductor.reconcilers.reclaim import SoftDeleted
from compute_service.conductor.reconcilers.shelved import ShelvedServers
from compute_service.conductor.reconcilers.stranded import Stranded
from compute_service.conductor.reconcilers.sweep import Sweep
from compute_service.conductor.reconcilers.tokens import OldTokens
from compute_service.conductor.reconcilers.unconfirmed import UnconfirmedResizes
from compute_service.conductor.reconcilers.usage_audit import UsageAudit
from compute_service.flows.engine import Engine


class Reconciler(Protocol):
    """One thing that is set right again and again."""

    name: str

    @property
    def interval(self) -> float:
        """Seconds between two runs; 0 or less: never."""

    def run(self) -> int:
        """Look once and act; return how many things were set right."""


def reconcilers(engine: Engine, submit: Callable[[Callable[[], None]], None]) -> list[Reconciler]:
    """Return all reconcilers of a conductor. `submit` runs work on the conductor's bounded pool."""
    svc = engine.svc
    return [
        Sweep(engine, submit),
        UnconfirmedResizes(svc),
        ShelvedServers(svc),
        SoftDeleted(svc),
        NewHosts(svc),
        Stranded(svc),
        LostAllocations(svc),
        QuotaCounts(svc),
        AbandonedMoves(svc),
        OldTokens(svc),
        UsageAudit(svc),
    ]
