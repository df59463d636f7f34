"""How a server that moves holds its places: the new one is claimed for the migration, a consumer of its own,
then both are swapped at once, so that the server holds the new one and the migration the old."""

from __future__ import annotations

import uuid
from typing import Any

from compute_service.domain.errors import NoValidHost
from compute_service.domain.record import Record
from compute_service.domain.request import Claim, PlacementRequest, SelectRequest
from compute_service.flows.kinds.claims import Allocations, holds, rewrite
from compute_service.flows.kinds.company import with_company
from compute_service.flows.kinds.server import OnServer, row_of
from compute_service.flows.step import Run
from compute_service.ports.placement import ConsumerAllocations
from compute_service.store.compute_nodes import compute_node_of_host


class MoveParams(OnServer):
    """What each move knows. `claim` is the alternate to go to; None lets the scheduler choose."""

    request: PlacementRequest
    claim: Claim | None = None
    alternates: tuple[Claim, ...] = ()
    attempt: int = 1


class Target(Record):
    """Where the server goes, and what it held where it was."""

    claim: Claim
    alternates: tuple[Claim, ...] = ()
    source: Allocations = {}


def migration_id(flow_id: str) -> str:
    """Return the UUID of a moving flow's migration, which is also a consumer of allocations."""
    return str(uuid.uuid5(uuid.UUID(flow_id), "migration"))


def target_of(run: Run[Any]) -> Target:
    """Return what step `choose` returned."""
    return run.output("choose", Target)


def choose(run: Run[Any], migration: str) -> Target:
    """Claim a host for the migration; the server keeps its own claim until both are swapped."""
    params: MoveParams = run.params
    seen = row_of(run)
    held = holds(run.svc.placement, seen.uuid)
    if params.claim is not None:
        rewrite(run.svc.placement, (_consumer(run, migration, params.claim.allocations),))
        return Target(claim=params.claim, alternates=params.alternates, source=held)
    request = with_company(run.svc, params.request, (seen.uuid,))
    named = request.requested_host or request.force_host
    alternates = 0 if named else run.svc.settings.scheduler.max_attempts - 1
    decision = run.svc.scheduler.select(
        SelectRequest(request=request, consumers=(migration,), alternates=alternates)
    )
    if not decision.selections:
        raise NoValidHost(decision.message or "No valid host was found. ", decision.refused)
    chosen = decision.selections[0]
    return Target(claim=chosen.claim, alternates=chosen.alternates, source=held)


def swap(run: Run[Any], migration: str) -> None:
    """Give the server the new claim and the migration the old one, at once."""
    target = target_of(run)
    _hold(run, migration, target.claim.allocations, target.source)


def swap_back(run: Run[Any], migration: str) -> None:
    """Give the server its old claim again and the migration the new one, at once."""
    target = target_of(run)
    _hold(run, migration, target.source, target.claim.allocations)


def address_of(run: Run[Any], claim: Claim) -> str | None:
    """Return the address of a claimed host, if it told one."""
    with run.svc.store.database(claim.cell).read() as tx:
        node = compute_node_of_host(tx, claim.host, claim.node)
    return None if node is None else node.host_ip


def _hold(run: Run[Any], migration: str, server: Allocations, moved: Allocations) -> None:
    consumers = (_consumer(run, run.params.uuid, server), _consumer(run, migration, moved))
    rewrite(run.svc.placement, consumers)


def _consumer(run: Run[Any], consumer: str, allocations: Allocations) -> ConsumerAllocations:
    request = run.params.request
    kind = "INSTANCE" if consumer == run.params.uuid else "MIGRATION"
    return ConsumerAllocations(
        consumer=consumer,
        project_id=request.project_id,
        user_id=request.user_id,
        allocations=allocations,
        consumer_type=kind,
    )
