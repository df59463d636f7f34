from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import HostRejected, Invalid, NotSupported
from compute_service.domain.host import HostFacts
from compute_service.ports.hypervisor import capabilities_of
from compute_service.virt.driver import load_driver
from tests.contract.hypervisor.conftest import guest_spec, stored_images
from tests.fakes.clock import ManualClock


def settings(tmp_path: Path, driver: str | None, **fake: Any) -> Settings:
    default = {"compute_driver": driver, "state_path": str(tmp_path), "host": "cmp1"}
    return settings_of({"DEFAULT": default, "fake": fake})


def test_a_compute_host_needs_a_driver(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="compute_driver"):
        load_driver(settings(tmp_path, None), stored_images(ManualClock()), ManualClock())


def test_an_unknown_driver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"vmwareapi\.VMwareVCDriver"):
        load_driver(
            settings(tmp_path, "vmwareapi.VMwareVCDriver"), stored_images(ManualClock()), ManualClock()
        )


def libvirt_settings(tmp_path: Path, **libvirt: Any) -> Settings:
    default = {"compute_driver": "libvirt.LibvirtDriver", "state_path": str(tmp_path), "host": "cmp1"}
    return settings_of({"DEFAULT": default, "libvirt": libvirt})


def test_the_libvirt_driver_is_one_host(tmp_path: Path) -> None:
    pytest.importorskip("libvirt")
    hosts = load_driver(libvirt_settings(tmp_path), stored_images(ManualClock()), ManualClock())
    assert list(hosts) == ["cmp1"]
    assert set(capabilities_of(hosts["cmp1"])) >= {"Pauses", "Suspends", "Snapshots", "Migrates", "Diagnoses"}


def test_disks_of_a_kind_that_is_not_there_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(NotSupported, match="images_type=ploop"):
        load_driver(
            libvirt_settings(tmp_path, images_type="ploop"), stored_images(ManualClock()), ManualClock()
        )


def test_guests_of_a_kind_that_libvirt_has_no_place_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="virt_type=parallels"):
        load_driver(
            libvirt_settings(tmp_path, virt_type="parallels"), stored_images(ManualClock()), ManualClock()
        )


def test_one_fake_host_has_the_name_and_size_of_the_configuration(tmp_path: Path) -> None:
    hosts = load_driver(
        settings(tmp_path, "fake.FakeDriver", vcpus=8, memory_mb=4096, local_gb=100),
        stored_images(ManualClock()),
        ManualClock(),
    )
    facts: HostFacts = hosts["cmp1"].facts()
    assert list(hosts) == ["cmp1"]
    assert (facts.vcpus, facts.memory_mb, facts.local_gb) == (8, 4096, 100)
    assert facts.hypervisor_hostname == "cmp1"


def test_a_fleet_has_as_many_hosts_as_asked_and_they_exchange_guests(tmp_path: Path) -> None:
    hosts: Any = load_driver(
        settings(tmp_path, "fake.FakeDriver", hosts=12, host_prefix="node-"),
        stored_images(ManualClock()),
        ManualClock(),
    )
    assert list(hosts)[:2] == ["node-01", "node-02"]
    assert len(hosts) == 12
    hosts["node-01"].spawn(guest_spec(), lambda _: None)
    moved = hosts["node-01"].migrate_out(guest_spec(), "node-12", None)
    hosts["node-12"].migrate_in(guest_spec(), moved, resize=False)
    assert [len(hosts[name].guests()) for name in ("node-01", "node-12")] == [0, 1]


def test_the_failure_rate_rejects_builds(tmp_path: Path) -> None:
    hosts = load_driver(
        settings(tmp_path, "fake.FakeDriver", failure_rate=1.0), stored_images(ManualClock()), ManualClock()
    )
    with pytest.raises(HostRejected, match="failure_rate"):
        hosts["cmp1"].spawn(guest_spec(), lambda _: None)


def test_two_processes_with_a_common_directory_exchange_guests(tmp_path: Path) -> None:
    def host(name: str) -> Any:
        default = {"compute_driver": "fake.FakeDriver", "state_path": str(tmp_path / name), "host": name}
        options = settings_of({"DEFAULT": default, "fake": {"exchange_path": str(tmp_path / "common")}})
        return load_driver(options, stored_images(ManualClock()), ManualClock())[name]

    host("a").spawn(guest_spec(), lambda _: None)
    moved = host("a").migrate_out(guest_spec(), "b", None)
    host("b").migrate_in(guest_spec(), moved, resize=False)
    assert len(host("b").guests()) == 1
