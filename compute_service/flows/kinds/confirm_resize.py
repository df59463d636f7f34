"""Confirm a resize: what the source kept goes, and with it the way back.

There is no way back from a source that has begun to remove it. A source that is down is passed over.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, VmState
from compute_service.flows.kinds.mapping import count
from compute_service.flows.kinds.moved import notes_after
from compute_service.flows.kinds.server import OnServer, faults, if_up, no_way_back
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.migrations import migration_get, migration_update


class SettleParams(OnServer):
    """Parameters of the end of a move. `host` is the source's."""

    migration: str
    flavor: Flavor
    """What the server counts with in the end."""


def _to_source(run: Run[SettleParams]) -> tuple[str, str] | None:
    return if_up(run, run.params.host)


def _settle(run: Run[SettleParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.migrate_settle(key, run.params.uuid)


def is_settling(run: Run[Any], status: str) -> bool:
    """Tell whether a move is still being settled: when it is not, the last word was said before."""
    with run.svc.store.database(run.key.database).read() as tx:
        move = migration_get(tx, run.params.migration)
    return move is not None and move.status == status


def _done(run: Run[SettleParams]) -> None:
    if not is_settling(run, "confirming"):
        return
    count(run.svc, run.params.uuid, run.params.flavor)
    run.svc.placement.release(run.params.migration)
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        migration_update(tx, run.params.migration, ("confirming",), status="confirmed")
        if seen is not None and seen.vm_state is VmState.RESIZED:
            off = seen.power_state is PowerState.SHUTDOWN
            instance_update(
                tx,
                seen,
                vm_state=VmState.STOPPED if off else VmState.ACTIVE,
                system_metadata=notes_after(seen),
            )


def _failed(run: Run[SettleParams], failure: Failure) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        migration_update(tx, run.params.migration, ("confirming",), status="finished")
        if seen is not None:
            instance_update(tx, seen, **faults(run, failure))


CONFIRM_RESIZE = Flow(
    "confirm_resize",
    SettleParams,
    (
        Step("no way back", no_way_back, pivot=True),
        Remote("settle", _to_source, _settle, event="compute_confirm_resize", deadline=600.0),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
