"""What drivers do for guests that run: interfaces, rescue, passwords, crash dumps."""

from __future__ import annotations

import pytest

from compute_service.domain.errors import ComputeError, NotFound, NotReady
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.ports.hypervisor import (
    AttachesNics,
    Crashes,
    Diagnoses,
    Hypervisor,
    Rescues,
    SetsPasswords,
)
from tests.contract.hypervisor.conftest import GUEST, IMAGE, guest_spec
from tests.contract.hypervisor.test_capabilities import having
from tests.contract.hypervisor.test_core import ignore

FIRST = Vif(port_id="port-1", network_id="n", network_label="net", mac="fa:16:3e:00:00:01", vif_type="bridge")
NIC = FIRST.replace(port_id="port-2", mac="fa:16:3e:00:00:02")
SPEC = guest_spec().replace(vifs=(FIRST,))
MORE = SPEC.replace(vifs=(FIRST, NIC))


@pytest.fixture
def running(driver: Hypervisor) -> Hypervisor:
    driver.spawn(SPEC, ignore)
    return driver


def nics(driver: Hypervisor) -> list[str]:
    return [nic.mac_address for nic in having(driver, Diagnoses).diagnostics(GUEST).nics]


def test_an_interface_is_attached_once_however_often_it_is_asked_for(running: Hypervisor) -> None:
    attaches = having(running, AttachesNics)
    for _ in range(2):
        attaches.attach_nic(MORE, NIC)
    assert nics(running) == [FIRST.mac, NIC.mac]
    running.reboot(MORE, hard=True)
    assert nics(running) == [FIRST.mac, NIC.mac]


def test_an_interface_is_detached_and_may_be_gone_before(running: Hypervisor) -> None:
    attaches = having(running, AttachesNics)
    attaches.attach_nic(MORE, NIC)
    for _ in range(2):
        attaches.detach_nic(MORE, NIC)
    assert nics(running) == [FIRST.mac]
    running.reboot(SPEC, hard=True)
    assert nics(running) == [FIRST.mac]


def test_interfaces_come_and_go_while_a_guest_is_off(running: Hypervisor) -> None:
    attaches = having(running, AttachesNics)
    running.power_off(GUEST, 0)
    attaches.attach_nic(MORE, NIC)
    attaches.detach_nic(MORE, FIRST)
    running.power_on(MORE.replace(vifs=(NIC,)))
    assert nics(running) == [NIC.mac]


def test_no_guest_has_interfaces_attached(driver: Hypervisor) -> None:
    attaches = having(driver, AttachesNics)
    with pytest.raises(NotFound):
        attaches.attach_nic(MORE, NIC)
    attaches.detach_nic(MORE, NIC)


def test_a_guest_is_rescued_and_put_back_however_often(running: Hypervisor) -> None:
    rescues = having(running, Rescues)
    for _ in range(2):
        assert rescues.rescue(SPEC, IMAGE, ignore) is PowerState.RUNNING
        assert running.state(GUEST) is PowerState.RUNNING
    for _ in range(2):
        assert rescues.unrescue(SPEC) is PowerState.RUNNING
        assert running.state(GUEST) is PowerState.RUNNING


def test_a_rescued_guest_is_removed_whole(running: Hypervisor) -> None:
    rescues = having(running, Rescues)
    rescues.rescue(SPEC, IMAGE, ignore)
    running.destroy(GUEST, disks=True)
    assert running.guests() == []
    with pytest.raises(NotFound):
        rescues.unrescue(SPEC)


def test_no_guest_is_rescued(driver: Hypervisor) -> None:
    with pytest.raises(NotFound):
        having(driver, Rescues).rescue(SPEC, IMAGE, ignore)


def test_a_guest_that_is_off_is_not_ready_for_a_password(running: Hypervisor) -> None:
    sets = having(running, SetsPasswords)
    running.power_off(GUEST, 0)
    with pytest.raises(NotReady):
        sets.set_password(GUEST, "secret")


def test_a_guest_that_is_off_is_not_ready_for_a_crash(running: Hypervisor) -> None:
    crashes = having(running, Crashes)
    crashes.crash_dump(GUEST)
    running.power_off(GUEST, 0)
    with pytest.raises(NotReady):
        crashes.crash_dump(GUEST)


def test_no_guest_has_a_password_or_crashes(driver: Hypervisor) -> None:
    for verb in (
        lambda: having(driver, SetsPasswords).set_password(GUEST, "secret"),
        lambda: having(driver, Crashes).crash_dump(GUEST),
    ):
        with pytest.raises(ComputeError) as caught:
            verb()
        assert isinstance(caught.value, NotFound)
