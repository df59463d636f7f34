"""What steps read and write of their server's row.

A flow clears a task state only if it is one of its own: a delete that came meanwhile has put up another, and
that flow, waiting behind this one, will clear it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from compute_service.control.liveness import host_is_up
from compute_service.control.server_facts import with_vendor_data
from compute_service.control.spec import ADMIN_PASSWORD, guest_spec
from compute_service.domain.errors import BuildAborted, NotFound, Stale, Unavailable
from compute_service.domain.flow import API_DATABASE, Failure
from compute_service.domain.guest import GuestSpec
from compute_service.domain.instance import Fault, Instance
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState, TaskState
from compute_service.flows.step import Run
from compute_service.store.database import Tx
from compute_service.store.instances import instance_get, instance_update

_TRIES = 5
CANCELLED = "Cancelled"
"""The kind of failure of a flow that was asked to stop."""


class OnServer(Record):
    """Parameters of a flow that works on a server where it is."""

    uuid: str
    host: str | None = None


def row_of(run: Run[Any]) -> Instance:
    """Return the server's row. Raises NotFound when it is gone."""
    with run.svc.store.database(run.key.database).read() as tx:
        found = instance_get(tx, run.params.uuid)
    if found is None:
        raise NotFound(f"Instance {run.params.uuid} could not be found.")
    return found


def handed_on(run: Run[Any]) -> Instance:
    """Return the server's row as a step before this one left it, else as it is now. Raises NotFound."""
    return run.rows.get(run.params.uuid) or row_of(run)


def guest_of(run: Run[Any], power: PowerState | None = None) -> GuestSpec:
    """Return the server's row as the guest a host is to make of it."""
    return guest_spec(handed_on(run), run.svc.settings, power)


def new_guest_of(run: Run[Any], power: PowerState | None = None) -> GuestSpec:
    """As `guest_of`, for a guest whose config drive is yet to be made: with the operator's vendor data on it.

    Raises BuildAborted when there is none and that is fatal.
    """
    spec = guest_of(run, power)
    if spec.facts is None:
        return spec
    try:
        return spec.replace(facts=with_vendor_data(spec.facts, run.svc.vendor_data))
    except Unavailable as error:
        raise BuildAborted(error.message) from error


def at_host(run: Run[Any]) -> tuple[str, str] | None:
    """Return the cell and host of a flow's parameters, or None for a server without a host."""
    host: str | None = run.params.host
    return None if host is None else (run.key.database, host)


def if_up(run: Run[Any], host: str | None) -> tuple[str, str] | None:
    """Return where a message to a host goes, or None for a host that is down: it is passed over.

    It puts itself right when it is back.
    """
    cell = run.key.database
    if host is None or cell == API_DATABASE or not host_is_up(run.svc, cell, host):
        return None
    return cell, host


def no_way_back(run: Run[Any]) -> None:
    """Do nothing: a pivot in front of work that cannot be taken back once it has begun."""


def go_on(
    run: Run[Any], own: frozenset[TaskState], task: TaskState, seen: Instance | None = None, **changes: Any
) -> Instance | None:
    """Show the next of a flow's own task states, with other changes of the row. None when the row is gone.

    The row is read unless it was just `seen` and nobody changed it since. A task state that another flow put
    up meanwhile stays.
    """
    return change(run, lambda now: _next(now, own, task) | changes, seen)


def change(
    run: Run[Any], changes: Callable[[Instance], dict[str, Any] | None], seen: Instance | None = None
) -> Instance | None:
    """Change the server's row as it is now, unless `changes` returns None. Returns it, None when it is gone.

    A row that was `seen` is read anew only if it was changed since. Raises Stale when that goes on and on.
    """
    database = run.svc.store.database(run.key.database)
    for _ in range(_TRIES):
        if seen is None:
            with database.read() as tx:
                seen = instance_get(tx, run.params.uuid)
        wanted = None if seen is None else changes(seen)
        if seen is None or wanted is None:
            return seen
        try:
            with database.alone() as tx:
                return instance_update(tx, seen, **wanted)
        except Stale:
            seen = None
    raise Stale(f"Instance {run.params.uuid} was changed by another request.")


def _next(now: Instance, own: frozenset[TaskState], task: TaskState) -> dict[str, Any]:
    return {"task_state": task} if now.task_state in own else {}


def settle(run: Run[Any], own: frozenset[TaskState], **changes: Any) -> Instance | None:
    """Put the server into the state a flow leaves it in, idle unless another flow waits for it."""
    return change(run, lambda now: idle(now, own) | changes)


def settle_in(tx: Tx, uuid: str, own: frozenset[TaskState], **changes: Any) -> Instance | None:
    """Do as `settle` in a transaction. None when the row is gone."""
    seen = instance_get(tx, uuid, lock=True)
    if seen is None:
        return None
    return instance_update(tx, seen, **idle(seen, own), **changes)


def idle(seen: Instance, own: frozenset[TaskState]) -> dict[str, Any]:
    """Return the change that ends a flow's own task state; none when the server is another flow's by now."""
    return {"task_state": None} if seen.task_state in own else {}


def fault_of(failure: Failure, now: datetime) -> Fault:
    """Return a failure as the fault that a server shows."""
    return Fault(code=500, message=failure.message, created=now, details=failure.details)


def faults(run: Run[Any], failure: Failure) -> dict[str, Any]:
    """Return the change that records a failure; none for a flow that was asked to stop."""
    if failure.kind == CANCELLED:
        return {}
    return {"fault": fault_of(failure, run.svc.clock.now())}


def without_password(seen: Instance) -> dict[str, str]:
    """Return a server's notes without the password, which only its guest is to keep."""
    return {key: value for key, value in seen.system_metadata.items() if key != ADMIN_PASSWORD}
