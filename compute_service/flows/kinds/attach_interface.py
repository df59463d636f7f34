"""Attach interface: make or take a port for a server, and give its guest an interface for it where it is.

When it fails, the server has what it had: the guest lets go of the interface, and then the port goes, or
goes back to whom it belongs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compute_service.domain.actions import ACTIONS
from compute_service.domain.errors import Conflict, PortInUse
from compute_service.domain.flow import Failure, StepKey
from compute_service.domain.instance import Instance
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.vif import NetworkRequest, Vif, with_vif, without_vif
from compute_service.flows.kinds.server import OnServer, at_host, change, faults, guest_of, row_of, settle
from compute_service.flows.step import Flow, Remote, Run, Step
from compute_service.ports.network import PortOrder

PORT = "port"
"""The step that has the port as its output; what fails up to it says what is wrong with the request."""


class AttachParams(OnServer):
    """Parameters of an attachment."""

    request: NetworkRequest


class Attached(Record):
    """The port that the server was given."""

    vif: Vif


def _check(run: Run[AttachParams]) -> None:
    """Refuse what came before it made impossible, and a port that came twice: nobody else could tell these
    two requests apart."""
    seen, wanted = row_of(run), run.params.request.port_id
    if seen.host != run.params.host or seen.vm_state not in (ACTIONS["attach_interface"].allowed or ()):
        raise Conflict(f"Instance {seen.uuid} is not any more what it was when an interface was asked for.")
    if wanted is not None and any(vif.port_id == wanted for vif in seen.vifs):
        raise PortInUse(f"Port {wanted} is still in use.")


def _order(run: Run[AttachParams]) -> PortOrder:
    seen = row_of(run)
    return PortOrder(
        key=run.flow.id,
        project_id=seen.project_id,
        server=seen.uuid,
        hostname=seen.hostname,
        zone=seen.availability_zone,
        request=run.params.request,
    )


def _make_port(run: Run[AttachParams]) -> Attached:
    return Attached(vif=run.svc.network.attach(_order(run), run.params.host or ""))


def _drop_port(run: Run[AttachParams]) -> None:
    run.svc.network.withdraw(_order(run))


def _vif(run: Run[AttachParams]) -> Vif:
    return run.output(PORT, Attached).vif


def _note(run: Run[AttachParams]) -> None:
    _change(run, lambda seen: with_vif(seen.vifs, _vif(run)))


def _forget(run: Run[AttachParams]) -> None:
    """Forget the port before it goes: what the network service then says of it is no news."""
    _change(run, lambda seen: without_vif(seen.vifs, _vif(run).port_id))


def _change(run: Run[AttachParams], vifs: Callable[[Instance], tuple[Vif, ...]]) -> None:
    def changes(seen: Instance) -> dict[str, Any] | None:
        wanted = vifs(seen)
        return None if wanted == seen.vifs else {"vifs": wanted}

    now = change(run, changes)
    if now is not None:
        run.rows[now.uuid] = now


def _plug(run: Run[AttachParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.attach_nic(key, guest_of(run), _vif(run))


def _unplug(run: Run[AttachParams], agent: ComputeAgent, key: StepKey) -> None:
    agent.detach_nic(key, guest_of(run), _vif(run))


def _failed(run: Run[AttachParams], failure: Failure) -> None:
    settle(run, frozenset(), **faults(run, failure))


ATTACH_INTERFACE = Flow(
    "attach_interface",
    AttachParams,
    (
        Step("check", _check),
        Step(PORT, _make_port, _drop_port, output=Attached),
        Step("note", _note, _forget),
        Remote(
            "attach", at_host, _plug, _unplug, event="compute_attach_interface", deadline=300.0, retries=1
        ),
    ),
    on_failed=_failed,
    on_stuck=_failed,
)
