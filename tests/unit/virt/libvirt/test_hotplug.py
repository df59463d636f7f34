"""Interfaces that come to guests that are there, and leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.domain.errors import Conflict, HostRejected, NotFound
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt import vifs
from compute_service.virt.libvirt.domains import ConnectionLost
from compute_service.virt.libvirt.xml.domain import Domain
from tests.contract.hypervisor.conftest import GUEST, guest_spec
from tests.unit.virt.libvirt.parts import Bench

FIRST = Vif(port_id="port-1", network_id="n", network_label="net", mac="fa:16:3e:00:00:01", vif_type="bridge")
NIC = FIRST.replace(port_id="port-2", mac="fa:16:3e:00:00:02", mtu=1400)
SPEC = guest_spec().replace(vifs=(FIRST, NIC))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.spawn(vifs=(FIRST,))
    return made


def macs(bench: Bench, lasting: bool) -> list[str]:
    return [nic.mac for nic in Domain.parse(bench.connection.xml(GUEST, lasting)).interfaces]


def test_an_interface_comes_to_the_guest_that_runs_and_to_its_definition(bench: Bench) -> None:
    for _ in range(2):
        bench.driver.attach_nic(SPEC, NIC)
    for lasting in (False, True):
        assert macs(bench, lasting) == [FIRST.mac, NIC.mac]
    assert bench.connection.calls.count("attach") == 2
    assert set(bench.plugger.plugged) == {"port-1", "port-2"}
    made = Domain.parse(bench.connection.xml(GUEST)).interfaces[1]
    assert (made.target, made.mtu, made.model, made.type) == ("tapport-2", 1400, "virtio", "bridge")


def test_an_interface_comes_to_the_definition_of_a_guest_that_is_off(bench: Bench) -> None:
    bench.driver.power_off(GUEST, 0)
    bench.driver.attach_nic(SPEC, NIC)
    assert macs(bench, lasting=True) == [FIRST.mac, NIC.mac]
    bench.driver.power_on(SPEC)
    assert macs(bench, lasting=False) == [FIRST.mac, NIC.mac]


def test_an_interface_leaves_the_guest_and_its_definition(bench: Bench) -> None:
    bench.driver.attach_nic(SPEC, NIC)
    for _ in range(2):
        bench.driver.detach_nic(SPEC, NIC)
    for lasting in (False, True):
        assert macs(bench, lasting) == [FIRST.mac]
    assert set(bench.plugger.plugged) == {"port-1"}
    kept = vifs.read(bench.directory.ports)
    assert kept is not None
    assert [vif.port_id for vif in kept.vifs] == ["port-1"]


def test_a_guest_that_keeps_an_interface_is_asked_as_often_as_set_and_then_told_of(bench: Bench) -> None:
    bench.driver.attach_nic(SPEC, NIC)
    bench.connection.clinging.add(GUEST)
    bench.connection.calls.clear()
    began = bench.clock.time()
    with pytest.raises(Conflict, match="does not let go of the interface of port port-2"):
        bench.driver.detach_nic(SPEC, NIC)
    options = bench.parts.settings.libvirt
    most = options.device_detach_attempts * (options.device_detach_timeout + 1)
    assert options.device_detach_attempts * options.device_detach_timeout <= bench.clock.time() - began < most
    assert bench.connection.calls == ["detach"] * options.device_detach_attempts
    assert macs(bench, lasting=True) == [FIRST.mac, NIC.mac]
    assert set(bench.plugger.plugged) == {"port-1", "port-2"}


def test_a_guest_that_lets_go_while_it_is_asked_again_has_let_go(bench: Bench) -> None:
    bench.driver.attach_nic(SPEC, NIC)
    bench.connection.clinging.add(GUEST)
    real, asked = bench.connection.detach, []

    def detach(uuid: str, device: str, lasting: bool) -> None:
        asked.append(lasting)
        if asked == [False, False]:
            bench.connection.clinging.clear()
            real(uuid, device, lasting)
            raise HostRejected("net1 is already in the process of unplug")
        real(uuid, device, lasting)

    bench.connection.detach = detach  # type: ignore[method-assign]
    bench.driver.detach_nic(SPEC, NIC)
    assert asked == [False, False, True]
    assert macs(bench, lasting=True) == [FIRST.mac]


def test_a_lost_connection_is_no_refusal_of_the_guest(bench: Bench) -> None:
    bench.driver.attach_nic(SPEC, NIC)
    real, lost = bench.connection.detach, [ConnectionLost("gone")]

    def detach(uuid: str, device: str, lasting: bool) -> None:
        real(uuid, device, lasting)
        if lost:
            raise lost.pop()

    bench.connection.detach = detach  # type: ignore[method-assign]
    bench.driver.detach_nic(SPEC, NIC)
    assert macs(bench, lasting=False) == macs(bench, lasting=True) == [FIRST.mac]


def test_an_interface_that_libvirt_refuses_is_not_left_plugged(bench: Bench) -> None:
    def refuse(uuid: str, device: str, lasting: bool) -> None:
        raise HostRejected("No more available PCI slots")

    bench.connection.attach = refuse  # type: ignore[method-assign]
    with pytest.raises(HostRejected, match="PCI"):
        bench.driver.attach_nic(SPEC, NIC)
    assert set(bench.plugger.plugged) == {"port-1"}
    assert macs(bench, lasting=True) == [FIRST.mac]


def test_an_interface_for_no_guest_says_so_and_one_of_no_guest_is_gone(bench: Bench) -> None:
    bench.driver.destroy(GUEST, disks=True)
    with pytest.raises(NotFound):
        bench.driver.attach_nic(SPEC, NIC)
    assert bench.plugger.plugged == {}
    bench.driver.detach_nic(SPEC, NIC)


def test_a_port_that_the_host_cannot_plug_is_rejected(bench: Bench) -> None:
    with pytest.raises(HostRejected, match="binding_failed"):
        bench.driver.attach_nic(SPEC, NIC.replace(vif_type="binding_failed"))
    assert macs(bench, lasting=False) == [FIRST.mac]
