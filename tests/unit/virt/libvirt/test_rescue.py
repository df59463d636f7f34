"""Guests that boot from another disk for a while."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from compute_service.domain.errors import BuildAborted, NotFound
from compute_service.domain.image import Image
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.xml.domain import Domain
from compute_service.virt.libvirt.xml.storage import Disk
from tests.contract.hypervisor.conftest import DATA, GUEST, IMAGE, guest_spec
from tests.fakes.programs import read_disk
from tests.unit.virt.libvirt.parts import Bench

TOOLS = b"tools for mending" * 50
OWN = ["disk", "disk.eph0", "disk.swap"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.spawn()
    return made


def image(bench: Bench, **properties: str) -> Image:
    checksum = hashlib.md5(TOOLS, usedforsecurity=False).hexdigest()
    made = IMAGE.replace(id="tools", size=len(TOOLS), checksum=checksum, hash_algo=None, hash_value=None)
    return bench.images.add(made.replace(properties=properties), TOOLS)


def rescue(bench: Bench, of: Image, **changes: object) -> list[Disk]:
    """Rescue the guest and return its disks."""
    spec = guest_spec().replace(**changes)
    assert bench.driver.rescue(spec, of, lambda fraction: None) is PowerState.RUNNING
    return list(Domain.parse(bench.connection.xml(GUEST)).disks)


def names(disks: list[Disk]) -> list[str]:
    return [Path(disk.file or "").name for disk in disks]


def test_a_rescue_boots_its_own_disk_with_the_guests_behind_it(bench: Bench) -> None:
    disks = rescue(bench, image(bench))
    assert names(disks) == ["disk.rescue", *OWN]
    assert [disk.target for disk in disks] == ["vda", "vdb", "vdc", "vdd"]
    assert [disk.boot_order for disk in disks] == [1, None, None, None]
    assert Domain.parse(bench.connection.xml(GUEST)).os.boots == ()
    assert read_disk(bench.directory.path / "disk.rescue") == (len(TOOLS), TOOLS)
    assert read_disk(bench.directory.path / "disk")[1] == DATA


@pytest.mark.parametrize(
    ("properties", "target", "bus", "device"),
    [
        ({"hw_rescue_device": "disk"}, "vdd", "virtio", "disk"),
        ({"hw_rescue_bus": "usb"}, "sda", "usb", "disk"),
        ({"hw_rescue_device": "cdrom"}, "hda", "ide", "cdrom"),
        ({"hw_rescue_device": "cdrom", "hw_rescue_bus": "scsi"}, "sda", "scsi", "cdrom"),
    ],
)
def test_a_stable_rescue_leaves_the_guests_disks_in_their_places(
    bench: Bench, properties: dict[str, str], target: str, bus: str, device: str
) -> None:
    before = list(Domain.parse(bench.connection.xml(GUEST)).disks)
    disks = rescue(bench, image(bench, **properties))
    assert disks[:-1] == before
    made = disks[-1]
    assert (made.target, made.bus, made.device, made.boot_order) == (target, bus, device, 1)
    assert made.readonly == (device == "cdrom")


def test_an_image_that_asks_for_what_there_is_not_leaves_the_guest_alone(bench: Bench) -> None:
    calls = list(bench.connection.calls)
    with pytest.raises(BuildAborted, match="hw_rescue_device"):
        rescue(bench, image(bench, hw_rescue_device="tape"))
    assert bench.connection.calls == calls
    assert names(list(Domain.parse(bench.connection.xml(GUEST)).disks)) == OWN


def test_a_guest_goes_on_when_the_image_of_its_rescue_cannot_be_had(bench: Bench) -> None:
    calls = list(bench.connection.calls)
    with pytest.raises(BuildAborted):
        rescue(bench, IMAGE.replace(id="absent"))
    assert bench.connection.calls == calls
    assert bench.driver.unrescue(guest_spec()) is PowerState.RUNNING
    assert not {"cut", "start"} & set(bench.connection.calls[len(calls) :])
    assert not bench.directory.rescued.exists()


def test_an_unrescued_guest_is_as_it_was(bench: Bench) -> None:
    before, files = bench.connection.xml(GUEST), set(bench.directory.path.iterdir())
    rescue(bench, image(bench))
    assert bench.driver.unrescue(guest_spec()) is PowerState.RUNNING
    assert bench.connection.xml(GUEST) == before
    assert set(bench.directory.path.iterdir()) == files
    calls = list(bench.connection.calls)
    assert bench.driver.unrescue(guest_spec()) is PowerState.RUNNING
    assert bench.connection.calls == calls


def test_a_rescue_that_is_done_is_not_done_again(bench: Bench) -> None:
    rescue(bench, image(bench))
    bench.driver.power_off(GUEST, 0)
    assert bench.driver.rescue(guest_spec(), image(bench), lambda fraction: None) is PowerState.SHUTDOWN


def test_a_rescued_guest_is_told_of_itself_by_a_drive_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.spawn(config_drive=True)
    disks = rescue(bench, image(bench), config_drive=True, hostname="mended")
    assert names(disks) == ["disk.rescue", *OWN, "disk.config.rescue"]
    assert bench.directory.rescue_drive.read_text() == "mended"
    assert bench.directory.config_drive.read_text() == "one"


def test_kernel_and_ramdisk_are_the_images_or_the_hosts_or_those_of_the_guests_own_image(
    bench: Bench, tmp_path: Path
) -> None:
    def os_of(at: Bench) -> tuple[bytes, bytes]:
        found = Domain.parse(at.connection.xml(GUEST)).os
        return Path(found.kernel or "").read_bytes(), Path(found.initrd or "").read_bytes()

    def with_kernels(at: Bench) -> Bench:
        for name in ("aki", "ari", "own"):
            at.images.add(Image(id=name, name=name, size=3, disk_format="raw"), name.encode())
        return at

    rescue(with_kernels(bench), image(bench, kernel_id="aki", ramdisk_id="ari"))
    assert os_of(bench) == (b"aki", b"ari")
    bench.driver.unrescue(guest_spec())
    assert Domain.parse(bench.connection.xml(GUEST)).os.kernel is None
    other = with_kernels(Bench(tmp_path / "b", rescue_kernel_id="aki", rescue_ramdisk_id="ari"))
    other.spawn(kernel_id="own", ramdisk_id="own")
    rescue(other, image(other), kernel_id="own", ramdisk_id="own")
    assert os_of(other) == (b"aki", b"ari")
    third = with_kernels(Bench(tmp_path / "c"))
    third.spawn(kernel_id="own", ramdisk_id="own")
    rescue(third, IMAGE, kernel_id="own", ramdisk_id="own")
    assert os_of(third) == (b"own", b"own")


def test_a_guest_has_its_time_to_shut_down_before_it_is_rescued(bench: Bench) -> None:
    bench.connection.deaf.add(GUEST)
    began = bench.clock.time()
    own = IMAGE.replace(properties={"os_shutdown_timeout": "90"})
    rescue(bench, image(bench), image=own)
    assert 90 <= bench.clock.time() - began < 92


def test_no_guest_is_no_rescue(bench: Bench) -> None:
    bench.driver.destroy(GUEST, disks=True)
    with pytest.raises(NotFound):
        rescue(bench, image(bench))
    with pytest.raises(NotFound):
        bench.driver.unrescue(guest_spec())
