from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.domain.errors import BuildAborted, ComputeError, HostRejected
from compute_service.domain.image import Image
from compute_service.domain.states import PowerState
from compute_service.virt.fake import Exchange, FakeHypervisor, Shape
from tests.contract.hypervisor.conftest import DATA, GUEST, guest_spec, stored_images
from tests.fakes.clock import ManualClock

VERBS = {
    "spawn": lambda d: d.spawn(guest_spec(), lambda _: None),
    "power_on": lambda d: d.power_on(guest_spec()),
    "power_off": lambda d: d.power_off(GUEST, 0),
    "reboot": lambda d: d.reboot(guest_spec(), True),
    "rebuild": lambda d: d.rebuild(guest_spec(), False, lambda _: None),
    "pause": lambda d: d.pause(GUEST),
    "suspend": lambda d: d.suspend(GUEST),
    "resume": lambda d: d.resume(guest_spec()),
    "migrate_out": lambda d: d.migrate_out(guest_spec(), "x", None),
    "migrate_settle": lambda d: d.migrate_settle(GUEST),
    "snapshot": lambda d: b"".join(d.snapshot(GUEST, None)[1]),
    "destroy": lambda d: d.destroy(GUEST, True),
    "revive": lambda d: d.revive(GUEST),
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def fake(clock: ManualClock) -> FakeHypervisor:
    return FakeHypervisor("h1", stored_images(clock), clock)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_each_verb_can_fail_before_it_did_anything_and_works_when_repeated(
    fake: FakeHypervisor, verb: str
) -> None:
    if verb != "spawn":
        VERBS["spawn"](fake)
    fake.faults.add(verb, HostRejected("no"), times=2)
    for _ in range(2):
        with pytest.raises(HostRejected, match="no"):
            VERBS[verb](fake)
    VERBS[verb](fake)


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"revive"}))
def test_each_verb_can_fail_half_done_and_converges_when_repeated(fake: FakeHypervisor, verb: str) -> None:
    if verb != "spawn":
        VERBS["spawn"](fake)
    fake.faults.add(verb, half=True)
    with pytest.raises(ComputeError):
        VERBS[verb](fake)
    VERBS[verb](fake)


def test_a_spawn_that_failed_half_done_leaves_disks_that_destroy_removes(fake: FakeHypervisor) -> None:
    fake.faults.add("spawn", half=True)
    with pytest.raises(ComputeError):
        VERBS["spawn"](fake)
    assert fake.guests() == []
    assert fake.facts().local_gb_used > 0
    VERBS["destroy"](fake)
    assert fake.facts().local_gb_used == 0


def test_faults_can_be_for_one_guest_and_for_ever(fake: FakeHypervisor) -> None:
    fake.faults.add("spawn", BuildAborted("never"), times=None, uuid=GUEST)
    for _ in range(3):
        with pytest.raises(BuildAborted):
            VERBS["spawn"](fake)
    fake.spawn(guest_spec(uuid="another"), lambda _: None)
    fake.faults.clear()
    VERBS["spawn"](fake)


def test_verbs_take_their_time_on_the_clock(clock: ManualClock) -> None:
    fake = FakeHypervisor("h1", stored_images(clock), clock, Shape(latency={"spawn": 30.0, "*": 2.0}))
    VERBS["spawn"](fake)
    VERBS["power_off"](fake)
    assert clock.slept == [30.0, 2.0]


def test_a_killed_process_finds_its_guests_again(tmp_path: Path, clock: ManualClock) -> None:
    first = FakeHypervisor("h1", stored_images(clock), clock, Shape(directory=tmp_path))
    VERBS["spawn"](first)
    first.spawn(guest_spec(uuid="moved"), lambda _: None)
    first.migrate_out(guest_spec(uuid="moved"), "h2", None)
    again = FakeHypervisor("h1", stored_images(clock), clock, Shape(directory=tmp_path))
    assert [(g.uuid, g.power_state) for g in again.guests()] == [(GUEST, PowerState.RUNNING)]
    assert b"".join(again.snapshot(GUEST, None)[1]) == DATA
    assert again.migrate_back(guest_spec(uuid="moved")) is PowerState.RUNNING


def test_processes_hand_guests_over_through_a_directory(tmp_path: Path, clock: ManualClock) -> None:
    def host(name: str) -> FakeHypervisor:
        shape = Shape(directory=tmp_path / name)
        return FakeHypervisor(name, stored_images(clock), clock, shape, Exchange(tmp_path / "exchange"))

    VERBS["spawn"](host("h1"))
    moved = host("h1").migrate_out(guest_spec(), "h2", None)
    assert host("h2").migrate_in(guest_spec(), moved, resize=False) is PowerState.RUNNING
    host("h1").migrate_settle(GUEST)
    assert list((tmp_path / "exchange").iterdir()) == []
    assert b"".join(host("h2").snapshot(GUEST, None)[1]) == DATA


def test_a_disturbed_guest_is_told_of(fake: FakeHypervisor) -> None:
    seen: list[str] = []
    fake.on_change(seen.append)
    VERBS["spawn"](fake)
    fake.disturb(GUEST, PowerState.SHUTDOWN)
    assert seen == [GUEST]
    assert fake.state(GUEST) is PowerState.SHUTDOWN


def test_a_host_that_lost_power_comes_back_with_its_guests_off(fake: FakeHypervisor) -> None:
    VERBS["spawn"](fake)
    fake.lose_power()
    assert fake.state(GUEST) is PowerState.SHUTDOWN


def test_large_images_are_checked_whole_and_kept_in_part(clock: ManualClock) -> None:
    images = stored_images(clock)
    image = images.add(Image(id="big"), b"x" * (3 << 20))
    fake = FakeHypervisor("h1", images, clock)
    spec = guest_spec().replace(image=image)
    fake.spawn(spec, lambda _: None)
    assert len(b"".join(fake.snapshot(GUEST, None)[1])) == 1 << 20
