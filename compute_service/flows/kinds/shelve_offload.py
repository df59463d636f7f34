"""Shelve offload: take a shelved server from its host; it lives on as its image, with its ports on no host.

Once its disks are being removed there is no way back. A host that is down is passed over; it removes what it
has when it is back. The row goes before the allocations: whoever sees a server on a host knows that its claim
holds.
"""

from __future__ import annotations

from compute_service.domain.errors import InvalidState
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.flows.kinds.build import Ports
from compute_service.flows.kinds.server import (
    OnServer,
    faults,
    idle,
    if_up,
    no_way_back,
    row_of,
    settle,
)
from compute_service.flows.kinds.shelved import shelved_image
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.store.instances import instance_get, instance_update

_OWN = frozenset({TaskState.SHELVING_OFFLOADING})


def _check(run: Run[OnServer]) -> None:
    """Refuse to remove the disks of a server that is anything but safe in its image."""
    seen = row_of(run)
    if seen.vm_state is not VmState.SHELVED or seen.host != run.params.host:
        raise InvalidState(seen.uuid, "shelveOffload", "vm_state", seen.vm_state)
    image_id = shelved_image(seen)
    if image_id is None or run.svc.images.show(image_id).status != "active":
        raise InvalidState(seen.uuid, "shelveOffload", "image", image_id or "None")


def _here(run: Run[OnServer]) -> tuple[str, str] | None:
    return if_up(run, run.params.host)


def _destroy(run: Run[OnServer], agent: ComputeAgent, key: StepKey) -> None:
    agent.destroy(key, run.params.uuid, True)


def _unbind(run: Run[OnServer]) -> Ports:
    """Let the ports belong to no host; what the row says of them stays, but for their binding."""
    seen = row_of(run)
    run.svc.network.unbind(seen.uuid, seen.vifs)
    loose = tuple(vif.replace(vif_type="unbound", details={}, active=False) for vif in seen.vifs)
    return Ports(vifs=loose)


def _done(run: Run[OnServer]) -> None:
    with run.svc.store.database(run.key.database).write() as tx:
        seen = instance_get(tx, run.params.uuid, lock=True)
        if seen is not None and seen.host is not None:
            was = seen.vm_state
            instance_update(
                tx,
                seen,
                **idle(seen, _OWN),
                vm_state=VmState.SHELVED_OFFLOADED if was is VmState.SHELVED else was,
                power_state=PowerState.SHUTDOWN,
                host=None,
                node=None,
                availability_zone=None,
                vifs=run.output("unbind", Ports).vifs,
            )
    run.svc.placement.release(run.params.uuid)


def _failed(run: Run[OnServer], failure: Failure) -> None:
    settle(run, _OWN, **faults(run, failure))


SHELVE_OFFLOAD = Flow(
    "shelve_offload",
    OnServer,
    (
        Step("check", _check),
        Step("no way back", no_way_back, pivot=True),
        Remote(
            "destroy",
            _here,
            _destroy,
            event="compute_shelve_offload_instance",
            deadline=600.0,
        ),
        Step("unbind", _unbind, output=Ports),
    ),
    on_done=_done,
    on_failed=_failed,
    on_stuck=_failed,
)
