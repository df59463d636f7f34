"""Detach interface: take an interface from a server's guest; then its port goes, or goes back to its owner.

A guest may refuse to let go; then the interface stays. Once it has let go there is no way back. A port that
is gone already is not given to the guest again, and the server forgets it whatever its host says.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.actions import ACTIONS
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.instance import Instance
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.vif import Vif, without_vif
from compute_service.flows.kinds.server import OnServer, change, faults, guest_of, no_way_back, settle
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.store.instances import instance_get


class DetachParams(OnServer):
    """Parameters of a detachment."""

    port_id: str
    gone: bool = False
    """Whether the network service has deleted the port."""


class Found(Record):
    """The interface, None when the server has it no more; and where it is plugged in, None if nowhere."""

    vif: Vif | None = None
    host: str | None = None


def _look(run: Run[DetachParams]) -> Found:
    with run.svc.store.database(run.key.database).read() as tx:
        seen = instance_get(tx, run.params.uuid)
    if seen is None:
        return Found()
    vif = next((one for one in seen.vifs if one.port_id == run.params.port_id), None)
    plugged = seen.vm_state in (ACTIONS["detach_interface"].allowed or ())
    return Found(vif=vif, host=seen.host if vif is not None and plugged else None)


def _found(run: Run[DetachParams]) -> Found:
    return run.output("look", Found)


def _there(run: Run[DetachParams]) -> tuple[str, str] | None:
    host = _found(run).host
    return None if host is None else (run.key.database, host)


def _unplug(run: Run[DetachParams], agent: ComputeAgent, key: StepKey) -> None:
    vif = _found(run).vif
    if vif is not None:
        agent.detach_nic(key, guest_of(run), vif)


def _plug_again(run: Run[DetachParams], agent: ComputeAgent, key: StepKey) -> None:
    vif = _found(run).vif
    if vif is None or run.params.gone:
        agent.revoke(key, run.params.uuid)
    else:
        agent.attach_nic(key, guest_of(run), vif)


def _release(run: Run[DetachParams]) -> None:
    vif = _found(run).vif
    if vif is not None:
        run.svc.network.detach(run.params.uuid, vif)


def _forget(run: Run[DetachParams]) -> None:
    change(run, lambda seen: _without(seen, run.params.port_id))


def _without(seen: Instance, port_id: str) -> dict[str, Any] | None:
    left = without_vif(seen.vifs, port_id)
    return None if left == seen.vifs else {"vifs": left}


def _failed(run: Run[DetachParams], failure: Failure) -> None:
    if run.params.gone:
        _forget(run)
    settle(run, frozenset(), **faults(run, failure))


DETACH_INTERFACE = Flow(
    "detach_interface",
    DetachParams,
    (
        Step("look", _look, output=Found),
        Remote("detach", _there, _unplug, _plug_again, event="compute_detach_interface", deadline=300.0),
        Step("no way back", no_way_back, pivot=True),
        Step("release", _release),
    ),
    on_done=_forget,
    on_failed=_failed,
    on_stuck=_failed,
)
