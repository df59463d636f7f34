from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compute_service.agent.periodic import Periodic, Rounds, spaced
from compute_service.agent.start import Agent, agent_parts
from compute_service.bus.local import LocalBus
from compute_service.clients.clock import SystemClock
from compute_service.clients.fake.placement import FakePlacement
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import Unavailable
from compute_service.domain.host import ServerOnHost
from compute_service.domain.protocol import ComputeAgent, Conductor
from compute_service.domain.states import PowerState
from tests.contract.hypervisor.conftest import GUEST, guest_spec, stored_images
from tests.fakes.clock import ManualClock
from tests.unit.agent.parts import RecordingConductor, step_key


def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)


@pytest.fixture
def conductor() -> RecordingConductor:
    return RecordingConductor()


@pytest.fixture
def bus(conductor: RecordingConductor) -> Iterator[LocalBus]:
    bus = LocalBus(timeout=5.0)
    bus.serve(Conductor, "conductor", "c1", conductor)
    yield bus
    bus.close()


def settings(tmp_path: Path, fake: dict[str, Any] | None = None, **default: Any) -> Settings:
    options = {
        "compute_driver": "fake.FakeDriver",
        "host": "h1",
        "state_path": str(tmp_path),
        "instances_path": str(tmp_path / "instances"),
    }
    return settings_of({"DEFAULT": options | default, "fake": fake or {}})


def agent_of(settings: Settings, bus: LocalBus) -> Agent:
    clock = ManualClock()
    parts = agent_parts(settings, SystemClock(), bus, stored_images(clock), FakePlacement())
    return Agent(parts)


def test_an_agent_registers_serves_and_tells_that_it_lives(
    tmp_path: Path, bus: LocalBus, conductor: RecordingConductor
) -> None:
    agent = agent_of(settings(tmp_path), bus)
    agent.start()
    until(lambda: conductor.reports)
    assert [r.host for r in conductor.registrations] == ["h1"]
    client = bus.client(ComputeAgent, "compute", "h1")
    client.spawn(step_key(), guest_spec())
    until(lambda: conductor.answers)
    assert conductor.answers[0][1].ok
    assert "booting" in client.console_output(GUEST, 5)
    assert agent.stop(5.0)


def test_a_fleet_has_an_identity_and_a_queue_for_each_host_and_one_heartbeat(
    tmp_path: Path, bus: LocalBus, conductor: RecordingConductor
) -> None:
    agent = agent_of(settings(tmp_path, {"hosts": 3, "host_prefix": "n"}), bus)
    agent.start()
    until(lambda: len(conductor.reports) == 3)
    assert len({r.node_uuid for r in conductor.registrations}) == 3
    for number in (1, 3):
        bus.client(ComputeAgent, "compute", f"n{number}").spawn(step_key(f"f{number}"), guest_spec())
    until(lambda: len(conductor.answers) == 2)
    assert [len(host.driver.guests()) for host in agent.hosts] == [1, 0, 1]
    assert agent.stop(5.0)


def test_an_agent_that_was_stopped_finds_its_guests_and_answers_again(
    tmp_path: Path, bus: LocalBus, conductor: RecordingConductor
) -> None:
    first = agent_of(settings(tmp_path), bus)
    first.start()
    client = bus.client(ComputeAgent, "compute", "h1")
    client.spawn(step_key(), guest_spec())
    until(lambda: conductor.answers)
    first.stop(5.0)
    second = agent_of(settings(tmp_path), bus)
    second.start()
    client.spawn(step_key(), guest_spec())
    until(lambda: len(conductor.answers) == 2)
    assert conductor.answers[0] == conductor.answers[1]
    assert conductor.registrations[0].node_uuid == conductor.registrations[1].node_uuid
    until(lambda: any(r.power for r in conductor.reports))
    assert second.stop(5.0)


def test_guests_are_revived_before_their_power_is_told(
    tmp_path: Path, bus: LocalBus, conductor: RecordingConductor
) -> None:
    first = agent_of(settings(tmp_path), bus)
    driver: Any = first.hosts[0].driver
    driver.spawn(guest_spec(), lambda _: None)
    driver.lose_power()
    first.stop(1.0)
    conductor.servers = [ServerOnHost(uuid=GUEST, vm_state="active", task_state=None, power_state=1)]
    second = agent_of(settings(tmp_path, resume_guests_state_on_host_boot=True), bus)
    second.start()
    until(lambda: conductor.reports)
    assert [p.power_state for r in conductor.reports for p in r.power] == [PowerState.RUNNING]
    second.stop(5.0)


def test_two_agents_do_not_answer_for_one_host(tmp_path: Path, bus: LocalBus) -> None:
    first = agent_of(settings(tmp_path), bus)
    with pytest.raises(Unavailable, match="journal"):
        agent_of(settings(tmp_path), bus)
    first.stop(1.0)
    agent_of(settings(tmp_path), bus).stop(1.0)


def test_an_agent_that_stops_finishes_what_it_began(
    tmp_path: Path, bus: LocalBus, conductor: RecordingConductor
) -> None:
    agent = agent_of(settings(tmp_path, {"latency": 0.3}), bus)
    agent.start()
    bus.client(ComputeAgent, "compute", "h1").spawn(step_key(), guest_spec())
    until(lambda: agent.hosts[0].lanes.busy(GUEST))
    assert agent.stop(10.0)
    until(lambda: conductor.answers)
    assert conductor.answers[0][1].ok


def test_an_agent_that_must_stop_now_leaves_the_rest_to_be_sent_again(
    tmp_path: Path, bus: LocalBus, conductor: RecordingConductor
) -> None:
    agent = agent_of(settings(tmp_path, {"latency": 1.0}, max_concurrent_builds=1), bus)
    agent.start()
    client = bus.client(ComputeAgent, "compute", "h1")
    for number in range(3):
        client.spawn(step_key(f"f{number}"), guest_spec(uuid=f"g{number}"))
    until(lambda: agent.hosts[0].lanes.pending() == 3)
    assert not agent.stop(0.2)
    until(lambda: conductor.answers)
    time.sleep(0.1)
    assert len(conductor.answers) == 1


def test_periodic_work_has_the_intervals_of_the_options(tmp_path: Path, bus: LocalBus) -> None:
    agent = agent_of(
        settings(tmp_path, sync_power_state_interval=-1, running_deleted_instance_poll_interval=7), bus
    )
    found = {work.name: work.interval for work in agent.periodic()}
    assert found == {
        "heartbeat": 10,
        "journal": 600.0,
        "inventory": 60.0,
        "register": 300,
        "orphans": 7,
        "images": 2400,
    }
    for work in agent.periodic():
        work.run()
    agent.stop(1.0)


def test_without_periodic_work_the_heart_still_beats(tmp_path: Path, bus: LocalBus) -> None:
    agent = agent_of(settings(tmp_path, periodic_enable=False), bus)
    assert [work.name for work in agent.periodic()] == ["heartbeat"]
    agent.stop(1.0)


@pytest.mark.parametrize(("option", "interval"), [(0, 60.0), (-1, None), (5, 5)])
def test_an_interval_of_zero_is_a_minute_and_a_negative_one_never(
    option: float, interval: float | None
) -> None:
    assert spaced(option) == interval


def test_rounds_go_on_after_a_failure_and_end_when_stopped() -> None:
    came = threading.Semaphore(0)

    def fail() -> None:
        came.release()
        raise ValueError("no")

    rounds = Rounds([Periodic("failing", 0.01, fail)])
    rounds.start()
    assert all(came.acquire(timeout=5) for _ in range(3))
    assert rounds.stop(5.0)
