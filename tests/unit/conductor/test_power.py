from __future__ import annotations

import pytest

from compute_service.conductor.power import PowerSync, must_stop
from compute_service.domain.host import GuestState
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.store.flows import unfinished_flow_of_instance
from tests.fixtures.records import an_instance
from tests.unit.conductor.conftest import CELL, Site


@pytest.mark.parametrize(
    ("vm_state", "power", "stops"),
    [
        (VmState.ACTIVE, PowerState.SHUTDOWN, True),
        (VmState.ACTIVE, PowerState.CRASHED, True),
        (VmState.ACTIVE, PowerState.SUSPENDED, True),
        (VmState.ACTIVE, PowerState.PAUSED, False),
        (VmState.ACTIVE, PowerState.NOSTATE, False),
        (VmState.ACTIVE, PowerState.RUNNING, False),
        (VmState.STOPPED, PowerState.RUNNING, True),
        (VmState.STOPPED, PowerState.SHUTDOWN, False),
        (VmState.PAUSED, PowerState.SHUTDOWN, True),
        (VmState.PAUSED, PowerState.RUNNING, False),
        (VmState.SUSPENDED, PowerState.SHUTDOWN, False),
        (VmState.ERROR, PowerState.SHUTDOWN, False),
        (VmState.RESIZED, PowerState.SHUTDOWN, False),
        (VmState.BUILDING, PowerState.SHUTDOWN, False),
    ],
)
def test_which_power_states_stop_a_server(vm_state: VmState, power: PowerState, stops: bool) -> None:
    assert must_stop(vm_state, power) is stops


def report(site: Site, uuid: str, power: PowerState, host: str = "h1") -> None:
    PowerSync(site.svc).apply(CELL, host, [GuestState(uuid=uuid, power_state=power)])


def test_a_guest_that_went_down_stops_its_server(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING))
    report(site, server.uuid, PowerState.SHUTDOWN)
    assert site.server(server.uuid).task_state is TaskState.POWERING_OFF
    with site.store.database(CELL).read() as tx:
        flow = unfinished_flow_of_instance(tx, server.uuid)
    assert flow is not None
    assert flow.kind == "stop"
    assert [key.flow_id for key in site.rung] == [flow.id]


def test_a_report_that_comes_twice_stops_once(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    report(site, server.uuid, PowerState.CRASHED)
    report(site, server.uuid, PowerState.CRASHED)
    assert len(site.rung) == 1


def test_a_power_state_without_consequence_is_noted(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE, power_state=PowerState.NOSTATE))
    report(site, server.uuid, PowerState.RUNNING)
    assert site.server(server.uuid).power_state is PowerState.RUNNING
    assert site.rung == []


def test_a_busy_server_is_left_alone(site: Site) -> None:
    busy = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE, task_state=TaskState.REBOOTING))
    report(site, busy.uuid, PowerState.SHUTDOWN)
    assert site.server(busy.uuid).task_state is TaskState.REBOOTING


def test_what_another_host_says_of_a_server_does_not_count(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING))
    report(site, server.uuid, PowerState.SHUTDOWN, host="h2")
    assert site.server(server.uuid).power_state is PowerState.RUNNING
