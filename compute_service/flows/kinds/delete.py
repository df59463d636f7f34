"""Delete: the guest goes first, then its ports, then the row, and its allocations last.

While the guest stands nothing is let go of: a host that cannot remove it leaves the server in ERROR with all
it holds. A host that is down is passed over; it removes the guest when it is back. Once the guest is gone
there is no way back. The row goes before the allocations: whoever sees the server alive knows that its claim
holds.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.flow import API_DATABASE, Failure, StepKey
from compute_service.domain.migration import Migration
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.kinds.mapping import count_again, forget
from compute_service.flows.kinds.server import CANCELLED, OnServer, faults, if_up, row_of, settle
from compute_service.flows.kinds.shelved import remove_shelved_image
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.store.database import Tx
from compute_service.store.flows import flows_after
from compute_service.store.instances import instance_delete, instance_get, instance_remove
from compute_service.store.migrations import MigrationQuery, migration_page, migration_update

_OWN = frozenset({TaskState.DELETING})
UNFINISHED_MOVES = (
    "pre-migrating",
    "migrating",
    "post-migrating",
    "finished",
    "confirming",
    "reverting",
    "error",
)
"""Statuses of migrations that may have left something on a host."""


def unfinished_moves(run: Run[Any]) -> list[Migration]:
    """Return the server's moves that may have left something behind, newest first.

    There is more than one where a server's state was reset while it waited for a move to be confirmed, and
    it was moved again.
    """
    if run.key.database == API_DATABASE:
        return []
    query = MigrationQuery(instance_uuid=run.params.uuid, status=UNFINISHED_MOVES, hidden=None)
    with run.svc.store.database(run.key.database).read() as tx:
        return migration_page(tx, query)


def unfinished_move(run: Run[Any]) -> Migration | None:
    """Return the newest of the server's moves that may have left something behind."""
    return next(iter(unfinished_moves(run)), None)


def _here(run: Run[OnServer]) -> tuple[str, str] | None:
    return if_up(run, row_of(run).host)


def to_source(run: Run[OnServer]) -> tuple[str, str] | None:
    """Return where what a move left behind is, if anywhere."""
    move = unfinished_move(run)
    if move is None or (move.status == "error" and move.source_compute == row_of(run).host):
        return None
    return if_up(run, move.source_compute)


def _elsewhere(run: Run[OnServer]) -> tuple[str, str] | None:
    move, here = unfinished_move(run), row_of(run).host
    if move is None:
        return None
    others = [host for host in (move.source_compute, move.dest_compute) if host is not None and host != here]
    return if_up(run, others[0]) if others else None


def _destroy(run: Run[OnServer], agent: ComputeAgent, key: StepKey) -> None:
    agent.destroy(key, run.params.uuid, True)


def settle_source(run: Run[OnServer], agent: ComputeAgent, key: StepKey) -> None:
    """Have a host remove what it kept of a server that moved away."""
    agent.migrate_settle(key, run.params.uuid)


def _release_ports(run: Run[OnServer]) -> None:
    seen = row_of(run)
    run.svc.network.release(seen.uuid, seen.vifs)


def _done(run: Run[OnServer]) -> None:
    moves = unfinished_moves(run)
    for move in moves:
        run.svc.placement.release(move.uuid)
    with run.svc.store.database(run.key.database).write() as tx:
        _bury(tx, run, moves)
    forget(run.svc, run.params.uuid)
    run.svc.placement.release(run.params.uuid)


def _bury(tx: Tx, run: Run[OnServer], moves: list[Migration]) -> None:
    seen = instance_get(tx, run.params.uuid, lock=True)
    for move in moves:
        ended = "confirmed" if move.status in ("finished", "confirming", "confirmed") else "error"
        migration_update(tx, move.uuid, status=ended)
    if seen is None:
        return
    if tx.database == API_DATABASE:
        instance_remove(tx, seen.uuid)
    else:
        instance_delete(tx, seen, run.svc.clock.now())


def _failed(run: Run[OnServer], failure: Failure) -> None:
    """Leave the server in ERROR; one that was soft-deleted can be restored no more and counts again.

    What asked this flow to stop is a deletion, too: the server is left to it.
    """
    with run.svc.store.database(run.key.database).read() as tx:
        overtaken = failure.kind == CANCELLED and flows_after(tx, run.flow.id)
        if overtaken or instance_get(tx, run.params.uuid) is None:
            return
    count_again(run.svc, run.params.uuid)
    settle(run, _OWN, vm_state=VmState.ERROR, deleted_at=None, **faults(run, failure))


DELETE = Flow(
    "delete",
    OnServer,
    (
        Remote("clear", _elsewhere, _destroy, retries=2, deadline=600.0),
        Remote("forget", to_source, settle_source, retries=2, deadline=600.0),
        Remote(
            "destroy",
            _here,
            _destroy,
            event="compute_terminate_instance",
            pivot=True,
            retries=2,
            deadline=600.0,
        ),
        Step("release ports", _release_ports),
        Step("remove image", remove_shelved_image),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
