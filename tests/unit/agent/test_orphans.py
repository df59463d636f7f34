from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.agent.orphans import Fate
from compute_service.agent.revival import revive_guests
from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError
from compute_service.domain.host import ServerOnHost
from compute_service.domain.states import PowerState
from tests.contract.hypervisor.conftest import GUEST, guest_spec
from tests.unit.agent.parts import Bench, NoPlacement, step_key, with_options


def bench_with_guest(tmp_path: Path, **default: object) -> Bench:
    bench = Bench(tmp_path, NoPlacement(), with_options(Settings(), "default", **default))
    bench.driver.spawn(guest_spec(), lambda _: None)
    return bench


def server(uuid: str = GUEST, deleted: bool = False, task: str | None = None) -> ServerOnHost:
    state = "deleted" if deleted else "active"
    return ServerOnHost(uuid=uuid, vm_state=state, task_state=task, power_state=1, deleted=deleted)


def test_a_guest_whose_server_is_here_is_left_alone(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    bench.conductor.servers = [server()]
    assert bench.host.orphans.sweep() == {}
    assert bench.stepper.ready == 0


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("reap", []),
        ("shutdown", [PowerState.SHUTDOWN]),
        ("log", [PowerState.RUNNING]),
        ("noop", [PowerState.RUNNING]),
    ],
)
def test_a_guest_whose_server_was_deleted_is_treated_as_configured(
    tmp_path: Path, action: str, left: list[PowerState]
) -> None:
    bench = bench_with_guest(tmp_path, running_deleted_instance_action=action)
    bench.conductor.servers = [server(deleted=True)]
    assert bench.host.orphans.sweep() == {GUEST: Fate.DELETED}
    bench.stepper.run()
    assert [g.power_state for g in bench.driver.guests()] == left


@pytest.mark.parametrize("action", ["reap", "shutdown"])
def test_a_guest_whose_server_turns_out_to_live_is_left_alone(tmp_path: Path, action: str) -> None:
    bench = bench_with_guest(tmp_path, running_deleted_instance_action=action)
    bench.conductor.servers = [server(deleted=True)]
    bench.host.orphans.sweep()
    bench.conductor.servers = [server()]
    bench.stepper.run()
    assert [g.power_state for g in bench.driver.guests()] == [PowerState.RUNNING]


def test_a_deleted_servers_guest_gets_its_time(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path, running_deleted_instance_timeout=100)
    bench.conductor.servers = [server(deleted=True)]
    for _ in range(2):
        bench.host.orphans.sweep()
        bench.stepper.run()
        assert len(bench.driver.guests()) == 1
        bench.clock.advance(60)
    bench.host.orphans.sweep()
    bench.stepper.run()
    assert bench.driver.guests() == []


def test_a_guest_left_by_an_evacuation_is_removed(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path, running_deleted_instance_action="noop")
    bench.conductor.away = {GUEST}
    assert bench.host.orphans.sweep() == {GUEST: Fate.STRAY}
    bench.stepper.run()
    assert bench.driver.guests() == []


def test_a_stray_that_comes_back_before_its_turn_is_left_alone(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    bench.conductor.away = {GUEST}
    bench.host.orphans.sweep()
    bench.conductor.away = set()
    bench.stepper.run()
    assert len(bench.driver.guests()) == 1


def test_a_guest_that_nobody_knows_is_never_touched(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    for _ in range(3):
        assert bench.host.orphans.sweep() == {GUEST: Fate.UNKNOWN}
        bench.clock.advance(1e6)
    bench.stepper.run()
    assert len(bench.driver.guests()) == 1


def test_a_guest_being_worked_on_is_passed_over(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    bench.conductor.away = {GUEST}
    bench.host.service.power_off(step_key(), GUEST, 0)
    assert bench.host.orphans.sweep() == {}


def test_what_a_move_kept_of_a_deleted_server_is_removed_once(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    bench.driver.migrate_out(guest_spec(), "h2", None)
    bench.conductor.servers = [server(deleted=True)]
    bench.host.orphans.sweep()
    assert bench.stepper.run() == 1
    with pytest.raises(ComputeError):
        bench.driver.migrate_back(guest_spec())
    bench.host.orphans.sweep()
    assert bench.stepper.run() == 0


def test_guests_of_active_idle_servers_are_started_again(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    for uuid in ("busy", "gone", "stopped"):
        bench.driver.spawn(guest_spec(uuid=uuid), lambda _: None)
    bench.driver.lose_power()
    stopped = server("stopped").replace(vm_state="stopped")
    bench.conductor.servers = [
        server(),
        server("busy", task="rebooting"),
        server("gone", deleted=True),
        stopped,
    ]
    assert revive_guests("h1", bench.driver, bench.conductor) == [GUEST]
    assert bench.driver.state(GUEST) is PowerState.RUNNING
    assert bench.driver.state("stopped") is PowerState.SHUTDOWN


def test_a_guest_that_does_not_start_does_not_hold_up_the_others(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    bench.driver.spawn(guest_spec(uuid="second"), lambda _: None)
    bench.driver.lose_power()
    bench.driver.faults.add("revive", uuid=GUEST)
    bench.conductor.servers = [server(), server("second")]
    assert revive_guests("h1", bench.driver, bench.conductor) == ["second"]


def test_with_all_guests_running_the_conductor_is_not_asked(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    bench.conductor.refuse = [AssertionError("nobody need be asked")]
    assert revive_guests("h1", bench.driver, bench.conductor) == []


def test_the_conductor_is_told_which_guests_there_are_before_and_after_one_is_removed(tmp_path: Path) -> None:
    bench = bench_with_guest(tmp_path)
    bench.conductor.away = {GUEST}
    bench.host.orphans.sweep()
    bench.stepper.run()
    assert bench.conductor.told_guests == [(GUEST,), ()]
