"""Build: make a server on the host that was claimed for it.

The server keeps its claim while this flow unwinds. Then either the next host's claim takes its place and a
new build begins there, or the server goes to ERROR and the claim is dropped.
"""

from __future__ import annotations

import uuid
from typing import Any

from compute_service.control.bell import ring
from compute_service.domain import errors
from compute_service.domain.errors import (
    BuildAborted,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NoValidHost,
    Unavailable,
)
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.instance import Instance
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.request import Claim
from compute_service.domain.states import TaskState, VmState
from compute_service.domain.vif import Vif
from compute_service.flows.kinds.claims import rewrite
from compute_service.flows.kinds.company import take_place
from compute_service.flows.kinds.server import (
    CANCELLED,
    change,
    fault_of,
    go_on,
    handed_on,
    idle,
    new_guest_of,
    without_password,
)
from compute_service.flows.step import Flow, Remote, Run, Step, Wait
from compute_service.flows.submit import Origin, new_flow, submit
from compute_service.ports.network import NetworkPlan
from compute_service.ports.placement import ConsumerAllocations
from compute_service.store.database import Tx
from compute_service.store.flows import flow_get
from compute_service.store.instances import instance_get, instance_update

OWN = frozenset(
    {
        TaskState.SCHEDULING,
        TaskState.NETWORKING,
        TaskState.BLOCK_DEVICE_MAPPING,
        TaskState.SPAWNING,
    }
)
"""Task states of a server that is being made."""
_SPAWN = "spawn"
_ANOTHER_HOST_MAY = frozenset({"HostRejected", "ComputeError", "Timeout", "Unavailable"})
"""Kinds of failure that say nothing of other hosts; so do those that are none of ours."""
_WAIT_AT_MOST = 24 * 3600.0


class BuildParams(Record):
    """Parameters of a build. `claim` is None while the server waits to be placed."""

    uuid: str
    plan: NetworkPlan
    claim: Claim | None = None
    alternates: tuple[Claim, ...] = ()
    attempt: int = 1


class Ports(Record):
    """A server's ports, and when they were bound (epoch seconds)."""

    vifs: tuple[Vif, ...]
    bound_at: float = 0.0


def build_id(server: str) -> str:
    """Return the id of a server's first build."""
    return str(uuid.uuid5(uuid.UUID(server), "build"))


def next_id(flow_id: str) -> str:
    """Return the id of the flow that tries again what a flow could not do."""
    return str(uuid.uuid5(uuid.UUID(flow_id), "again"))


def _claim(run: Run[BuildParams]) -> Claim:
    if run.params.claim is None:
        raise NoValidHost("The server was never given to a host.")
    return run.params.claim


def _bind_ports(run: Run[BuildParams]) -> Ports:
    claim, seen = _claim(run), handed_on(run)
    placed = take_place(run, seen, claim.host)
    try:
        vifs = run.svc.network.allocate(
            seen.project_id, seen.uuid, seen.hostname, claim.availability_zone, run.params.plan, claim.host
        )
    except (Invalid, NotFound, Forbidden, Conflict) as error:
        raise BuildAborted(error.message) from error
    now = go_on(run, OWN, TaskState.SPAWNING, placed, vifs=vifs)
    if now is not None:
        run.rows[now.uuid] = now
    return Ports(vifs=vifs, bound_at=run.svc.clock.time())


def _release_ports(run: Run[BuildParams]) -> None:
    made = run.outputs.get("ports")
    run.svc.network.release(run.params.uuid, made.vifs if isinstance(made, Ports) else ())


def _to_host(run: Run[BuildParams]) -> tuple[str, str]:
    return run.key.database, _claim(run).host


def _spawn(run: Run[BuildParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.spawn(key, new_guest_of(run))


def _destroy(run: Run[BuildParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.destroy(key, run.params.uuid, True)


def _plugged(run: Run[BuildParams]) -> Ports | None:
    """Return the ports when they are up, or when there is no more waiting for them."""
    bound = run.output("ports", Ports)
    settings = run.svc.settings.default
    if settings.vif_plugging_timeout == 0 or all(vif.active for vif in bound.vifs):
        return bound
    try:
        now = run.svc.network.describe(run.params.uuid)
    except Unavailable:
        now = bound.vifs
    if all(vif.active for vif in now):
        return Ports(vifs=now, bound_at=bound.bound_at)
    if run.svc.clock.time() < bound.bound_at + settings.vif_plugging_timeout:
        return None
    if settings.vif_plugging_is_fatal:
        raise BuildAborted("Virtual Interface creation failed")
    return bound


def _activate(run: Run[BuildParams]) -> None:
    built, ports = run.output(_SPAWN, GuestBuilt), run.output("plugged", Ports)

    def active(seen: Instance) -> dict[str, Any] | None:
        if seen.launched_at is not None:
            return None
        root = built.root_device_name or seen.root_device_name or "/dev/vda"
        return idle(seen, OWN) | {
            "vm_state": VmState.ACTIVE,
            "power_state": built.power_state,
            "launched_at": run.svc.clock.now(),
            "root_device_name": root if seen.image_ref else seen.root_device_name,
            "vifs": ports.vifs,
            "progress": 0,
            "fault": None,
            "system_metadata": without_password(seen),
        }

    change(run, active)


def _failed(run: Run[BuildParams], failure: Failure) -> None:
    """Try the next host, or give up."""
    if failure.kind != CANCELLED and _another_host_may(failure):
        if _begun_again(run):
            return
        number = _next_host(run)
        if number is not None and _begin_again(run, number, failure):
            return
    _give_up(run, failure)


def _another_host_may(failure: Failure) -> bool:
    return failure.kind in _ANOTHER_HOST_MAY or getattr(errors, failure.kind, None) is None


def _next_host(run: Run[BuildParams]) -> int | None:
    """Claim the first alternate that has room and return its number, or None."""
    if run.params.attempt >= run.svc.settings.scheduler.max_attempts:
        return None
    for number, claim in enumerate(run.params.alternates):
        try:
            rewrite(run.svc.placement, (_of_server(run, claim.allocations),))
        except Conflict:
            continue
        return number
    return None


def _of_server(run: Run[Any], allocations: dict[str, dict[str, int]]) -> ConsumerAllocations:
    return ConsumerAllocations(
        consumer=run.params.uuid,
        project_id=run.flow.project_id or "",
        user_id=run.flow.user_id or "",
        allocations=allocations,
    )


def _begun_again(run: Run[BuildParams]) -> bool:
    with run.svc.store.database(run.key.database).read() as tx:
        return flow_get(tx, next_id(run.flow.id)) is not None


def _begin_again(run: Run[BuildParams], number: int, failure: Failure) -> bool:
    """Set another build going; False when the server is not being built any more."""
    claim = run.params.alternates[number]
    params = run.params.replace(
        claim=claim, alternates=run.params.alternates[number + 1 :], attempt=run.params.attempt + 1
    )
    flow = new_flow(
        "build",
        params,
        Origin.like(run.flow),
        instance_uuid=run.params.uuid,
        action=run.flow.action,
        after=run.flow.id,
        flow_id=next_id(run.flow.id),
    )
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is None or seen.task_state not in OWN:
            return False
        instance_update(
            tx,
            seen,
            host=claim.host,
            node=claim.node,
            availability_zone=claim.availability_zone,
            vifs=(),
            task_state=TaskState.NETWORKING,
            fault=fault_of(failure, run.svc.clock.now()),
        )
        key = submit(tx, flow)
    ring(run.svc, key)
    return True


def _give_up(run: Run[BuildParams], failure: Failure) -> None:
    """Leave the server in ERROR, holding nothing; one that is being deleted is left to that flow."""
    with run.svc.store.database(run.key.database).write() as tx:
        if not _to_error(tx, run, failure):
            return
    run.svc.placement.release(run.params.uuid)


def _to_error(tx: Tx, run: Run[BuildParams], failure: Failure) -> bool:
    seen: Instance | None = instance_get(tx, run.params.uuid, lock=True)
    if seen is None or not (seen.task_state in OWN or seen.task_state is None):
        return False
    instance_update(
        tx,
        seen,
        **idle(seen, OWN),
        vm_state=VmState.ERROR,
        host=None,
        node=None,
        vifs=(),
        fault=fault_of(failure, run.svc.clock.now()),
        system_metadata=without_password(seen),
    )
    return True


BUILD = Flow(
    "build",
    BuildParams,
    (
        Step("ports", _bind_ports, _release_ports, output=Ports),
        Remote(
            _SPAWN,
            _to_host,
            _spawn,
            _destroy,
            output=GuestBuilt,
            event="compute__do_build_and_run_instance",
            deadline=1800.0,
        ),
        Wait("plugged", _plugged, output=Ports, deadline=_WAIT_AT_MOST),
    ),
    on_done=_activate,
    on_failed=_failed,
    on_stuck=_give_up,
)
