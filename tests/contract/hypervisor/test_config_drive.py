"""What every driver does with config drives, which a guest then has: written by real programs for libvirt."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compute_service.clients.fake.images import FakeImages
from compute_service.domain.guest import GuestSpec
from compute_service.virt.config_drive import ConfigDriveWriter
from compute_service.virt.fake import Exchange, FakeHypervisor
from compute_service.virt.libvirt.driver import LibvirtDriver
from tests.contract.hypervisor.conftest import GUEST, guest_spec
from tests.fakes.clock import ManualClock
from tests.fakes.libvirt_host import FakeCarrier, host_settings, libvirt_parts
from tests.unit.domain.metadata.facts import rich

HOSTS = ("source", "target")


@dataclasses.dataclass
class Hosts:
    """Two hosts, and how to read the drive of a guest on one of them: meta_data.json, or None without one."""

    drivers: dict[str, Any]
    read: Callable[[str], dict[str, Any] | None]

    @property
    def source(self) -> Any:
        return self.drivers["source"]

    @property
    def target(self) -> Any:
        return self.drivers["target"]


class Carrier(FakeCarrier):
    """Brings drives whole, of other disks only what was played into them."""

    def send(self, file: Path, address: str, target: Path) -> None:
        super().send(file, address, target)
        if target.name == "disk.config":
            shutil.copyfile(file.with_name(target.name), self._there(address, target.parent) / target.name)


def _fakes(images: FakeImages, clock: ManualClock) -> Hosts:
    exchange = Exchange()
    drivers = {name: FakeHypervisor(name, images, clock, exchange=exchange) for name in HOSTS}

    def read(host: str) -> dict[str, Any] | None:
        files = drivers[host].config_drive(GUEST)
        return json.loads(files["openstack/latest/meta_data.json"]) if files else None

    return Hosts(drivers, read)


def _libvirt(images: FakeImages, clock: ManualClock, root: Path) -> Hosts:
    for program in ("genisoimage", "isoinfo"):
        if shutil.which(program) is None:
            pytest.skip(f"THIS TEST DID NOT RUN: there is no {program} here")
    instances = {name: root / name / "instances" for name in HOSTS}
    carrier = Carrier(instances)
    drivers = {}
    for name in HOSTS:
        settings = host_settings(name, root, images_type="qcow2")
        parts = libvirt_parts(settings, images, clock, carrier)
        drivers[name] = LibvirtDriver(dataclasses.replace(parts, config_drive=ConfigDriveWriter.of(settings)))

    def read(host: str) -> dict[str, Any] | None:
        drive = instances[host] / GUEST / "disk.config"
        if not drive.exists():
            return None
        command = ["isoinfo", "-R", "-i", str(drive), "-x", "/openstack/latest/meta_data.json"]
        found: dict[str, Any] = json.loads(
            subprocess.run(command, check=True, capture_output=True, timeout=60).stdout  # noqa: S603
        )
        return found

    return Hosts(drivers, read)


@pytest.fixture(params=["fake", "libvirt"])
def hosts(request: pytest.FixtureRequest, images: FakeImages, clock: ManualClock, tmp_path: Path) -> Hosts:
    return _fakes(images, clock) if request.param == "fake" else _libvirt(images, clock, tmp_path)


def ignore(fraction: float) -> None:
    """Take note of no progress."""


def told(name: str) -> GuestSpec:
    """Return a guest whose drive tells this name."""
    return guest_spec().replace(config_drive=True, facts=rich().replace(uuid=GUEST, name=name))


def name_on(hosts: Hosts, host: str) -> str | None:
    found = hosts.read(host)
    return None if found is None else str(found["name"])


def test_a_guest_has_a_drive_only_if_it_should(hosts: Hosts) -> None:
    hosts.source.spawn(guest_spec(), ignore)
    assert hosts.read("source") is None
    hosts.source.destroy(GUEST, disks=True)
    hosts.source.spawn(told("one"), ignore)
    found = hosts.read("source")
    assert found is not None
    assert (found["uuid"], found["name"]) == (GUEST, "one")


def test_a_drive_stays_as_it_was_made_until_the_guest_is_rebuilt(hosts: Hosts) -> None:
    hosts.source.spawn(told("one"), ignore)
    hosts.source.spawn(told("two"), ignore)
    hosts.source.power_off(GUEST, 0)
    hosts.source.power_on(told("two"))
    hosts.source.reboot(told("two"), hard=True)
    assert name_on(hosts, "source") == "one"
    hosts.source.rebuild(told("two"), False, ignore)
    assert name_on(hosts, "source") == "two"


def test_a_drive_moves_with_its_guest_and_comes_back(hosts: Hosts) -> None:
    hosts.source.spawn(told("one"), ignore)
    hosts.source.power_off(GUEST, 0)
    moved = hosts.source.migrate_out(told("two"), "target", "target")
    hosts.target.migrate_in(told("two"), moved, False)
    assert name_on(hosts, "target") == "one"
    hosts.target.destroy(GUEST, disks=True)
    hosts.source.migrate_back(told("two"))
    assert name_on(hosts, "source") == "one"


def test_a_drive_goes_with_its_guest(hosts: Hosts) -> None:
    hosts.source.spawn(told("one"), ignore)
    hosts.source.destroy(GUEST, disks=True)
    hosts.source.spawn(told("two"), ignore)
    assert name_on(hosts, "source") == "two"
