"""What drivers do that have the capability; a driver without it is passed over."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from compute_service.clients.fake.images import FakeImages
from compute_service.domain.errors import ComputeError, Conflict, NotFound, NotReady
from compute_service.domain.guest import DiskCounters, NicCounters
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.ports.hypervisor import (
    CachesImages,
    Diagnoses,
    HasConsoles,
    Hypervisor,
    Migrates,
    Pauses,
    Revives,
    Snapshots,
    Suspends,
)
from tests.contract.hypervisor.conftest import (
    BIGGER,
    DATA,
    FLAVOR,
    GUEST,
    IMAGE,
    guest_spec,
)
from tests.contract.hypervisor.test_core import ignore
from tests.fakes.clock import ManualClock

C = TypeVar("C")


GROWING: dict[type, tuple[str, ...]] = {
    DiskCounters: ("read_bytes", "read_requests", "write_bytes", "write_requests"),
    NicCounters: ("rx_octets", "rx_packets", "tx_octets", "tx_packets"),
}


def having(driver: Any, capability: type[C]) -> C:
    if not isinstance(driver, capability):
        pytest.skip(f"this driver has not {capability.__name__}")
    return driver


@pytest.fixture
def running(driver: Hypervisor) -> Hypervisor:
    driver.spawn(guest_spec(), ignore)
    return driver


def test_pause_and_unpause_may_be_repeated(running: Hypervisor) -> None:
    pauses = having(running, Pauses)
    for _ in range(2):
        assert pauses.pause(GUEST) is PowerState.PAUSED
    assert running.state(GUEST) is PowerState.PAUSED
    for _ in range(2):
        assert pauses.unpause(GUEST) is PowerState.RUNNING


def test_a_guest_that_is_off_cannot_be_paused(running: Hypervisor) -> None:
    pauses = having(running, Pauses)
    running.power_off(GUEST, 0)
    with pytest.raises(Conflict):
        pauses.pause(GUEST)


def test_suspend_stops_the_guest_and_resume_brings_it_back(running: Hypervisor) -> None:
    suspends = having(running, Suspends)
    for _ in range(2):
        assert suspends.suspend(GUEST) is PowerState.SHUTDOWN
    for _ in range(2):
        assert suspends.resume(guest_spec()) is PowerState.RUNNING


@pytest.mark.parametrize("power", [PowerState.RUNNING, PowerState.SHUTDOWN])
def test_a_snapshot_of_a_fresh_guest_is_its_image(driver: Hypervisor, power: PowerState) -> None:
    driver.spawn(guest_spec(flavor=FLAVOR.replace(root_gb=0), power=power), ignore)
    disk_format, data = having(driver, Snapshots).snapshot(GUEST, "raw")
    assert (disk_format, b"".join(data).rstrip(b"\0")) == ("raw", DATA)


def test_a_snapshot_of_no_guest_says_so(driver: Hypervisor) -> None:
    with pytest.raises(NotFound):
        having(driver, Snapshots).snapshot(GUEST, None)


def test_a_guest_moves_to_another_host_and_settles(pair: tuple[Any, Any]) -> None:
    source, target = (having(host, Migrates) for host in pair)
    pair[0].spawn(guest_spec(), ignore)
    for _ in range(2):
        moved = source.migrate_out(guest_spec(), "target", None)
    assert pair[0].guests() == []
    for _ in range(2):
        assert target.migrate_in(guest_spec(flavor=BIGGER), moved, resize=True) is PowerState.RUNNING
    assert pair[1].facts().vcpus_used == BIGGER.vcpus
    for _ in range(2):
        source.migrate_settle(GUEST)
    assert pair[1].state(GUEST) is PowerState.RUNNING
    with pytest.raises(NotFound):
        source.migrate_back(guest_spec())


def test_a_moved_guest_can_come_back(pair: tuple[Any, Any]) -> None:
    source, target = (having(host, Migrates) for host in pair)
    pair[0].spawn(guest_spec(), ignore)
    moved = source.migrate_out(guest_spec(), "target", None)
    target.migrate_in(guest_spec(flavor=BIGGER), moved, resize=True)
    pair[1].destroy(GUEST, disks=True)
    for _ in range(2):
        assert source.migrate_back(guest_spec()) is PowerState.RUNNING
    assert pair[0].facts().vcpus_used == FLAVOR.vcpus
    assert pair[1].guests() == []


def test_a_guest_resizes_on_its_own_host_and_back(driver: Hypervisor) -> None:
    migrates = having(driver, Migrates)
    driver.spawn(guest_spec(), ignore)
    moved = migrates.migrate_out(guest_spec(), "source", None)
    migrates.migrate_in(guest_spec(flavor=BIGGER), moved, resize=True)
    assert driver.facts().vcpus_used == BIGGER.vcpus
    driver.destroy(GUEST, disks=True)
    assert migrates.migrate_back(guest_spec(power=PowerState.SHUTDOWN)) is PowerState.SHUTDOWN
    assert driver.facts().vcpus_used == FLAVOR.vcpus


def test_a_guest_that_is_made_anew_does_not_come_back_as_it_was(pair: tuple[Any, Any]) -> None:
    source = having(pair[0], Migrates)
    pair[0].spawn(guest_spec(), ignore)
    source.migrate_out(guest_spec(), "target", None)
    assert pair[0].spawn(guest_spec(flavor=BIGGER), ignore) is PowerState.RUNNING
    assert source.migrate_back(guest_spec()) is PowerState.RUNNING
    assert pair[0].facts().vcpus_used == BIGGER.vcpus


def test_disks_that_are_not_where_they_should_be_fail_the_move(pair: tuple[Any, Any]) -> None:
    source, target = (having(host, Migrates) for host in pair)
    pair[0].spawn(guest_spec(), ignore)
    moved = source.migrate_out(guest_spec(), "target", None)
    with pytest.raises(ComputeError):
        target.migrate_in(guest_spec(), moved.replace(location="elsewhere"), resize=False)
    assert pair[1].guests() == []


def test_diagnostics_count_the_parts_of_the_guest(running: Hypervisor, clock: ManualClock) -> None:
    diagnoses = having(running, Diagnoses)
    clock.advance(60)
    found = diagnoses.diagnostics(GUEST)
    assert (found.state, found.num_cpus, found.memory_maximum) == ("running", 2, 512)
    assert found.num_disks == 3
    assert len(found.cpu_times_ns) == 2


def test_diagnostics_count_what_goes_through_disks_and_interfaces(
    driver: Hypervisor, clock: ManualClock
) -> None:
    vifs = tuple(
        Vif(
            port_id=f"p{n}",
            network_id="n",
            network_label="private",
            mac=f"fa:16:3e:00:00:0{n}",
            vif_type="bridge",
        )
        for n in (1, 2)
    )
    driver.spawn(guest_spec().replace(vifs=vifs), ignore)
    diagnoses = having(driver, Diagnoses)
    clock.advance(60)
    first = diagnoses.diagnostics(GUEST)
    clock.advance(60)
    then = diagnoses.diagnostics(GUEST)
    assert [nic.mac_address for nic in then.nics] == [vif.mac for vif in vifs]
    assert (len(then.disks), len({disk.name for disk in then.disks})) == (then.num_disks, then.num_disks)
    for before, after in zip((*first.disks, *first.nics), (*then.disks, *then.nics), strict=True):
        grown = [getattr(after, name) > getattr(before, name) > 0 for name in GROWING[type(after)]]
        assert grown == [True] * len(grown)


@pytest.mark.parametrize("protocol", ["vnc", "spice", "serial"])
def test_the_console_of_a_running_guest_has_a_port(running: Hypervisor, protocol: str) -> None:
    consoles = having(running, HasConsoles)
    there = consoles.console(GUEST, protocol)
    assert 0 < (there.port or there.tls_port or 0) < 65_536
    assert there == consoles.console(GUEST, protocol)


def test_there_is_no_console_of_a_guest_that_does_not_run(running: Hypervisor) -> None:
    consoles = having(running, HasConsoles)
    running.power_off(GUEST, 0)
    with pytest.raises(NotReady):
        consoles.console(GUEST, "vnc")
    running.destroy(GUEST, disks=True)
    with pytest.raises(NotFound):
        consoles.console(GUEST, "vnc")


def test_a_cached_image_is_not_fetched_again_until_it_was_pruned(
    driver: Hypervisor, images: FakeImages, clock: ManualClock
) -> None:
    caches = having(driver, CachesImages)
    assert caches.cache_image(IMAGE.id)
    assert not caches.cache_image(IMAGE.id)
    driver.spawn(guest_spec(), ignore)
    assert images.calls["download"] == 1
    clock.advance(200_000)
    assert driver.image_cache_prune(frozenset()) == []
    driver.destroy(GUEST, disks=True)
    assert driver.image_cache_prune(frozenset({IMAGE.id})) == []
    assert driver.image_cache_prune(frozenset()) == []
    clock.advance(200_000)
    assert driver.image_cache_prune(frozenset()) == [IMAGE.id]


def test_a_guest_is_revived_from_what_the_host_keeps(running: Hypervisor) -> None:
    revives = having(running, Revives)
    running.power_off(GUEST, 0)
    for _ in range(2):
        assert revives.revive(GUEST) is PowerState.RUNNING
