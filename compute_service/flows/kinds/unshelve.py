"""Unshelve: start a shelved server on its host, or make it anew from its image where the scheduler says.

The image goes once the server runs. A failure leaves the server shelved as it was.
"""

from __future__ import annotations

from compute_service.domain.errors import InvalidState, NotReady, NoValidHost
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.guest import GuestBuilt
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.request import Claim, PlacementRequest, SelectRequest
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.build import Ports
from compute_service.flows.kinds.company import with_company
from compute_service.flows.kinds.server import (
    OnServer,
    at_host,
    faults,
    go_on,
    guest_of,
    idle,
    new_guest_of,
    row_of,
    settle,
)
from compute_service.flows.kinds.shelved import notes_unshelved, remove_image, shelved_image
from compute_service.flows.kinds.verb import RETRIES
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.store.instances import instance_get, instance_update

_OWN = frozenset({TaskState.UNSHELVING, TaskState.SPAWNING})
_EVENT = "compute_unshelve_instance"


class UnshelveParams(OnServer):
    """Parameters of an unshelving. `host` is where the server still is."""

    image_id: str | None = None


class UnshelveOffloadedParams(OnServer):
    """Parameters of an unshelving of a server that is on no host."""

    image_id: str
    request: PlacementRequest


class Place(Record):
    """Where the server goes."""

    claim: Claim


def _power_on(run: Run[UnshelveParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.power_on(key, guest_of(run, PowerState.RUNNING))


def _started(run: Run[UnshelveParams]) -> None:
    built = run.output("power on", GuestBuilt)
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None and shelved_image(seen) == run.params.image_id:
            # An admin may have said meanwhile that it is something else.
            instance_update(
                tx,
                seen,
                **idle(seen, _OWN),
                vm_state=VmState.ACTIVE if seen.vm_state is VmState.SHELVED else seen.vm_state,
                power_state=built.power_state,
                fault=None,
                system_metadata=notes_unshelved(seen),
            )
    if run.params.image_id is not None:
        remove_image(run, run.params.image_id)


def _find_image(run: Run[UnshelveOffloadedParams]) -> Image:
    found = run.svc.images.show(run.params.image_id)
    if found.status != "active":
        raise NotReady(f"Image {found.id} is {found.status}.")
    return found


def _choose(run: Run[UnshelveOffloadedParams]) -> Place:
    seen = row_of(run)
    if seen.vm_state is not VmState.SHELVED_OFFLOADED:
        raise InvalidState(seen.uuid, "unshelve", "vm_state", seen.vm_state)
    request = with_company(run.svc, run.params.request, (seen.uuid,))
    decision = run.svc.scheduler.select(SelectRequest(request=request, consumers=(seen.uuid,)))
    if not decision.selections:
        raise NoValidHost(decision.message or "No valid host was found. ", decision.refused)
    go_on(run, _OWN, TaskState.SPAWNING)
    return Place(claim=decision.selections[0].claim)


def _unchoose(run: Run[UnshelveOffloadedParams]) -> None:
    run.svc.placement.release(run.params.uuid)


def _claim(run: Run[UnshelveOffloadedParams]) -> Claim:
    return run.output("choose", Place).claim


def _bind(run: Run[UnshelveOffloadedParams]) -> Ports:
    seen = row_of(run)
    vifs = run.svc.network.bind(seen.uuid, seen.vifs, _claim(run).host)
    return Ports(vifs=vifs, bound_at=run.svc.clock.time())


def _unbind(run: Run[UnshelveOffloadedParams]) -> None:
    seen = row_of(run)
    run.svc.network.unbind(seen.uuid, seen.vifs)


def _there(run: Run[UnshelveOffloadedParams], seen: Instance) -> Instance:
    claim = _claim(run)
    return seen.replace(
        host=claim.host,
        node=claim.node,
        availability_zone=claim.availability_zone,
        vifs=run.output("bind", Ports).vifs,
    )


def _to_place(run: Run[UnshelveOffloadedParams]) -> tuple[str, str]:
    return run.key.database, _claim(run).host


def _spawn(run: Run[UnshelveOffloadedParams], agent: ComputeAgent, key: StepKey) -> None:
    run.rows[run.params.uuid] = _there(run, row_of(run))
    agent.spawn(key, new_guest_of(run, PowerState.RUNNING).replace(image=run.output("image", Image)))


def _destroy(run: Run[UnshelveOffloadedParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.destroy(key, run.params.uuid, True)


def _made(run: Run[UnshelveOffloadedParams]) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None and seen.host is None:
            there, was = _there(run, seen), seen.vm_state
            instance_update(
                tx,
                seen,
                **idle(seen, _OWN),
                vm_state=VmState.ACTIVE if was is VmState.SHELVED_OFFLOADED else was,
                power_state=run.output("spawn", GuestBuilt).power_state,
                host=there.host,
                node=there.node,
                availability_zone=there.availability_zone,
                vifs=there.vifs,
                launched_at=run.svc.clock.now(),
                progress=0,
                fault=None,
                system_metadata=notes_unshelved(seen),
            )
    remove_image(run, run.params.image_id)


def _failed(run: Run[UnshelveParams], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))


UNSHELVE = Flow(
    "unshelve",
    UnshelveParams,
    (
        Remote(
            "power on",
            at_host,
            _power_on,
            output=GuestBuilt,
            event=_EVENT,
            deadline=900.0,
            retries=RETRIES,
        ),
    ),
    on_done=_started,
    on_failed=_failed,
    on_stuck=_failed,
)

UNSHELVE_OFFLOADED = Flow(
    "unshelve_offloaded",
    UnshelveOffloadedParams,
    (
        Step("image", _find_image, output=Image),
        Step("choose", _choose, _unchoose, output=Place, event="schedule_instances"),
        Step("bind", _bind, _unbind, output=Ports),
        Remote("spawn", _to_place, _spawn, _destroy, output=GuestBuilt, event=_EVENT),
    ),
    on_done=_made,
    on_failed=_failed,
    on_stuck=_failed,
)
