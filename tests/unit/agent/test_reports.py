from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.agent.heartbeat import HOSTS_PER_MESSAGE, Heartbeat
from compute_service.clients.fake.placement import FakePlacement
from compute_service.config.settings import Settings
from compute_service.domain.errors import Conflict, Timeout, Unavailable
from compute_service.domain.host import GuestState, HostReport
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import capabilities_of
from tests.contract.hypervisor.conftest import GUEST, guest_spec
from tests.unit.agent.parts import Bench, step_key, with_options


@pytest.fixture
def placement() -> FakePlacement:
    return FakePlacement()


@pytest.fixture
def bench(tmp_path: Path, placement: FakePlacement) -> Bench:
    return Bench(tmp_path, placement)


def beat(bench: Bench) -> HostReport:
    Heartbeat([bench.host.beating], bench.conductor, bench.clock).beat()
    return bench.conductor.reports[-1]


def spawned(bench: Bench) -> Bench:
    bench.host.service.spawn(step_key(), guest_spec())
    bench.stepper.run()
    return bench


def test_registration_tells_who_the_host_is_and_what_it_can(bench: Bench) -> None:
    bench.host.registration.begin(bench.clock)
    (told,) = bench.conductor.registrations
    assert told.host == "h1"
    assert told.node_uuid == bench.host.identity.node_uuid
    assert told.version == ComputeAgent.VERSION
    assert told.capabilities == capabilities_of(bench.driver)
    assert "Migrates" in told.capabilities
    assert told.facts.stats == {"failed_builds": 0, "io_workload": 0, "running_vms": 0}


def test_registration_waits_for_a_conductor_within_limits(bench: Bench) -> None:
    bench.conductor.refuse = [Timeout("no conductor"), Unavailable("no broker")]
    bench.host.registration.begin(bench.clock)
    assert bench.clock.slept == [1.0, 2.0]
    bench.conductor.refuse = [Timeout("no conductor")] * 60
    with pytest.raises(Unavailable, match="found no conductor"):
        bench.host.registration.begin(bench.clock)
    assert sum(bench.clock.slept) < 700


def test_a_conductor_that_refuses_the_host_ends_the_start(bench: Bench) -> None:
    bench.conductor.refuse = [Conflict("this node belongs to host h0")]
    with pytest.raises(Conflict, match="h0"):
        bench.host.registration.begin(bench.clock)


def test_a_host_whose_service_is_disabled_shows_that_in_placement(
    bench: Bench, placement: FakePlacement
) -> None:
    bench.conductor.disabled = True
    bench.host.registration.begin(bench.clock)
    bench.host.registration.update()
    assert "COMPUTE_STATUS_DISABLED" in placement.providers_by_uuid[bench.host.identity.node_uuid].traits
    bench.host.service.set_disabled(False)
    bench.stepper.run()
    assert "COMPUTE_STATUS_DISABLED" not in placement.providers_by_uuid[bench.host.identity.node_uuid].traits


def test_a_host_told_to_introduce_itself_registers_again(bench: Bench) -> None:
    bench.host.service.introduce()
    bench.stepper.run()
    assert len(bench.conductor.registrations) == 1
    bench.conductor.refuse = [Timeout("no conductor")]
    bench.host.service.introduce()
    bench.stepper.run()
    assert len(bench.conductor.registrations) == 1


def test_facts_are_told_when_they_change_and_now_and_then(bench: Bench) -> None:
    assert beat(bench).facts is not None
    bench.clock.advance(100)
    assert beat(bench) == HostReport(host="h1")
    spawned(bench)
    facts = beat(bench).facts
    assert facts is not None
    assert facts.vcpus_used == 2
    bench.clock.advance(299)
    assert beat(bench).facts is None
    bench.clock.advance(1)
    assert beat(bench).facts is not None


def test_a_host_whose_size_changed_registers_again(bench: Bench) -> None:
    bench.host.registration.begin(bench.clock)
    beat(bench)
    facts = bench.driver.facts()
    bench.driver.facts = lambda: facts.replace(memory_mb=1)
    beat(bench)
    beat(bench)
    assert [r.facts.memory_mb for r in bench.conductor.registrations] == [facts.memory_mb, 1]


def test_a_guest_that_stopped_by_itself_is_told_of_once(bench: Bench) -> None:
    spawned(bench)
    beat(bench)
    bench.driver.disturb(GUEST, PowerState.SHUTDOWN)
    assert beat(bench).power == (GuestState(uuid=GUEST, power_state=PowerState.SHUTDOWN),)
    assert beat(bench).power == ()


def test_a_scan_tells_of_every_guest(bench: Bench) -> None:
    spawned(bench)
    bench.driver.lose_power()
    assert beat(bench).power == ()
    bench.host.power.scan()
    assert beat(bench).power == (GuestState(uuid=GUEST, power_state=PowerState.SHUTDOWN),)


def test_a_guest_being_worked_on_is_told_of_afterwards(bench: Bench) -> None:
    spawned(bench)
    bench.host.service.reboot(step_key("reboot"), guest_spec(), True)
    bench.driver.disturb(GUEST, PowerState.SHUTDOWN)
    assert beat(bench).power == ()
    bench.stepper.run()
    assert beat(bench).power == (GuestState(uuid=GUEST, power_state=PowerState.RUNNING),)


def test_a_guest_that_is_gone_is_not_told_of(bench: Bench) -> None:
    bench.host.power.changed("nobody")
    assert beat(bench).power == ()


def test_what_could_not_be_sent_is_told_the_next_time(bench: Bench) -> None:
    spawned(bench)
    bench.driver.disturb(GUEST, PowerState.SHUTDOWN)
    bench.conductor.refuse = [Unavailable("broker gone")]
    Heartbeat([bench.host.beating], bench.conductor, bench.clock).beat()
    assert bench.conductor.reports == []
    report = beat(bench)
    assert report.facts is not None
    assert len(report.power) == 1


def test_a_hypervisor_that_does_not_answer_does_not_stop_the_signs_of_life(bench: Bench) -> None:
    def fail() -> None:
        raise OSError("libvirt is gone")

    bench.driver.facts = fail
    assert beat(bench) == HostReport(host="h1")


def test_events_can_be_ignored_by_configuration(tmp_path: Path, placement: FakePlacement) -> None:
    settings = with_options(Settings(), "workarounds", handle_virt_lifecycle_events=False)
    bench = spawned(Bench(tmp_path, placement, settings))
    bench.driver.disturb(GUEST, PowerState.SHUTDOWN)
    assert beat(bench).power == ()


def test_many_hosts_share_messages_of_bounded_size(bench: Bench) -> None:
    sizes: list[int] = []
    bench.conductor.report = lambda reports: sizes.append(len(reports))
    hosts = [bench.host.beating] * (2 * HOSTS_PER_MESSAGE + 1)
    Heartbeat(hosts, bench.conductor, bench.clock).beat()
    assert sizes == [HOSTS_PER_MESSAGE, HOSTS_PER_MESSAGE, 1]
