"""What every driver does."""

from __future__ import annotations

import pytest

from compute_service.clients.fake.images import FakeImages
from compute_service.domain.errors import BuildAborted, HostRejected, NotFound
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import Hypervisor
from tests.contract.hypervisor.conftest import BIGGER, GUEST, IMAGE, guest_spec


def ignore(fraction: float) -> None:
    """Progress that nobody watches."""


def test_spawn_makes_a_running_guest_and_tells_how_far_it_is(driver: Hypervisor) -> None:
    seen: list[float] = []
    assert driver.spawn(guest_spec(), seen.append) is PowerState.RUNNING
    assert driver.state(GUEST) is PowerState.RUNNING
    assert [g.uuid for g in driver.guests()] == [GUEST]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_spawn_repeated_changes_nothing(driver: Hypervisor, images: FakeImages) -> None:
    driver.spawn(guest_spec(), ignore)
    driver.power_off(GUEST, 0)
    assert driver.spawn(guest_spec(), ignore) is PowerState.SHUTDOWN
    assert images.calls["download"] == 1
    assert len(driver.guests()) == 1


def test_spawn_can_leave_the_guest_off(driver: Hypervisor) -> None:
    assert driver.spawn(guest_spec(power=PowerState.SHUTDOWN), ignore) is PowerState.SHUTDOWN


def test_spawn_of_a_missing_image_is_given_up_for_all_hosts(driver: Hypervisor, images: FakeImages) -> None:
    images.delete(IMAGE.id)
    with pytest.raises(BuildAborted, match=IMAGE.id):
        driver.spawn(guest_spec(), ignore)
    assert driver.guests() == []


def test_spawn_of_a_damaged_image_is_rejected_by_this_host(driver: Hypervisor, images: FakeImages) -> None:
    images.add(IMAGE, b"something else")
    with pytest.raises(HostRejected, match="damaged"):
        driver.spawn(guest_spec(), ignore)


def test_destroy_removes_the_guest_and_may_be_repeated(driver: Hypervisor) -> None:
    driver.spawn(guest_spec(), ignore)
    driver.destroy(GUEST, disks=True)
    driver.destroy(GUEST, disks=True)
    assert driver.guests() == []
    with pytest.raises(NotFound):
        driver.state(GUEST)


def test_destroy_that_keeps_disks_lets_spawn_go_on_with_them(driver: Hypervisor, images: FakeImages) -> None:
    driver.spawn(guest_spec(), ignore)
    driver.destroy(GUEST, disks=False)
    assert driver.guests() == []
    images.add(IMAGE, b"something else")
    assert driver.spawn(guest_spec(), ignore) is PowerState.RUNNING


def test_power_goes_off_and_on_and_may_be_repeated(driver: Hypervisor) -> None:
    driver.spawn(guest_spec(), ignore)
    for _ in range(2):
        assert driver.power_off(GUEST, 5) is PowerState.SHUTDOWN
        assert driver.state(GUEST) is PowerState.SHUTDOWN
    for _ in range(2):
        assert driver.power_on(guest_spec()) is PowerState.RUNNING
        assert driver.state(GUEST) is PowerState.RUNNING


@pytest.mark.parametrize("hard", [False, True])
def test_reboot_leaves_the_guest_running(driver: Hypervisor, hard: bool) -> None:
    driver.spawn(guest_spec(), ignore)
    before = driver.console_log(GUEST, None)
    assert driver.reboot(guest_spec(), hard) is PowerState.RUNNING
    assert len(driver.console_log(GUEST, None)) > len(before)


def test_hard_reboot_starts_a_guest_that_is_off(driver: Hypervisor) -> None:
    driver.spawn(guest_spec(power=PowerState.SHUTDOWN), ignore)
    assert driver.reboot(guest_spec(), hard=True) is PowerState.RUNNING


def test_rebuild_takes_the_new_image(driver: Hypervisor, images: FakeImages) -> None:
    driver.spawn(guest_spec(), ignore)
    other = images.add(IMAGE.replace(id="other"), b"another system")
    spec = guest_spec(power=PowerState.SHUTDOWN).replace(image=other)
    assert driver.rebuild(spec, False, ignore) is PowerState.SHUTDOWN
    assert images.calls["download"] == 2


@pytest.mark.parametrize("verb", ["power_off", "power_on", "reboot", "console_log"])
def test_verbs_on_a_guest_that_is_not_there_say_so(driver: Hypervisor, verb: str) -> None:
    calls = {
        "power_off": lambda: driver.power_off(GUEST, 0),
        "power_on": lambda: driver.power_on(guest_spec()),
        "reboot": lambda: driver.reboot(guest_spec(), hard=True),
        "console_log": lambda: driver.console_log(GUEST, None),
    }
    with pytest.raises(NotFound):
        calls[verb]()


def test_the_console_log_ends_with_its_last_lines(driver: Hypervisor) -> None:
    driver.spawn(guest_spec(), ignore)
    driver.reboot(guest_spec(), hard=False)
    whole = driver.console_log(GUEST, None).splitlines()
    assert len(whole) > 2
    assert driver.console_log(GUEST, 2).splitlines() == whole[-2:]
    assert driver.console_log(GUEST, 0) == ""


def test_facts_count_what_guests_take(driver: Hypervisor) -> None:
    before = driver.facts()
    driver.spawn(guest_spec(flavor=BIGGER), ignore)
    after = driver.facts()
    assert after.vcpus_used - before.vcpus_used == BIGGER.vcpus
    assert after.memory_mb_used - before.memory_mb_used == BIGGER.memory_mb
    assert after.local_gb_used - before.local_gb_used == BIGGER.disk_gb
    assert (after.vcpus, after.memory_mb, after.local_gb) == (before.vcpus, before.memory_mb, before.local_gb)
    assert before.hypervisor_hostname
    assert before.supported_instances
