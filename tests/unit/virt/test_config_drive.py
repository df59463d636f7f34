from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import HostRejected
from compute_service.domain.flavor import Flavor
from compute_service.domain.guest import GuestSpec
from compute_service.ports.config_drive import ConfigDrive
from compute_service.virt.config_drive import ConfigDriveWriter
from tests.unit.domain.metadata.facts import rich

PROGRAMS = {"iso9660": ("genisoimage", "isoinfo"), "vfat": ("mkfs.vfat", "mcopy")}


def spec() -> GuestSpec:
    facts = rich()
    return GuestSpec(
        uuid=facts.uuid,
        name="instance-0000002a",
        display_name=facts.name,
        hostname="web-one",
        project_id="proj",
        user_id="user",
        flavor=Flavor(flavorid="1", name="m1.small", vcpus=1, memory_mb=64, root_gb=1),
        config_drive=True,
        facts=facts.replace(admin_password="S3cret"),
    )


def writer(form: str, **options: object) -> ConfigDrive:
    return ConfigDriveWriter.of(settings_of({"DEFAULT": {"config_drive_format": form, **options}}))


def read(form: str, drive: Path, name: str) -> bytes:
    if form == "iso9660":
        command = ["isoinfo", "-R", "-i", str(drive), "-x", f"/{name}"]
    else:
        command = ["mcopy", "-n", "-i", str(drive), f"::/{name}", "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout  # noqa: S603


def label(form: str, drive: Path) -> bytes:
    """Return the label: of the primary volume descriptor, or of the boot sector, whose place goes by size."""
    content = drive.read_bytes()
    if form == "iso9660":
        return content[16 * 2048 + 40 :][:32].rstrip()
    return next(name for at in (43, 71) if (name := content[at : at + 11].rstrip()).lower() == b"config-2")


@pytest.fixture(params=["iso9660", "vfat"])
def form(request: pytest.FixtureRequest) -> str:
    for program in PROGRAMS[request.param]:
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            pytest.skip(f"THIS TEST DID NOT RUN: there is no {program} here")
    return str(request.param)


def test_a_drive_is_found_by_its_label_and_read_back(form: str, tmp_path: Path) -> None:
    drive = tmp_path / "disk.config"
    writer(form).write(spec(), drive)
    assert label(form, drive).lower() == b"config-2"
    told = msgspec.json.decode(read(form, drive, "openstack/latest/meta_data.json"))
    assert (told["hostname"], told["admin_pass"]) == ("web-one.novalocal", "S3cret")
    assert len(told["random_seed"]) == 684
    assert read(form, drive, "openstack/latest/user_data") == b"#!/bin/sh\necho hi\n"
    assert (
        read(form, drive, "openstack/2016-10-06/vendor_data2.json")
        == b'{"static":{"org":"us"},"ad":{"token":"t"}}'
    )
    assert read(form, drive, "openstack/content/0000") == b"hello"
    assert b"i-0000002a" in read(form, drive, "ec2/2009-04-04/meta-data.json")


def test_a_drive_is_written_over_and_leaves_nothing_beside_it(form: str, tmp_path: Path) -> None:
    drive = tmp_path / "disk.config"
    drive.write_text("old")
    writer(form).write(spec(), drive)
    first = read(form, drive, "openstack/latest/meta_data.json")
    writer(form).write(spec(), drive)
    assert read(form, drive, "openstack/latest/meta_data.json") != first, "the seed is another each time"
    assert [each.name for each in tmp_path.iterdir()] == ["disk.config"]
    assert drive.stat().st_mode & 0o777 == 0o640


def test_a_program_that_is_not_there_rejects_the_host_and_keeps_the_old_drive(tmp_path: Path) -> None:
    drive = tmp_path / "disk.config"
    drive.write_text("old")
    with pytest.raises(HostRejected, match="no-such-program"):
        writer("iso9660", mkisofs_cmd="no-such-program").write(spec(), drive)
    assert drive.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["disk.config"]


def test_a_folder_that_is_not_there_rejects_the_host(tmp_path: Path) -> None:
    with pytest.raises(HostRejected, match="could not be written"):
        writer("iso9660").write(spec(), tmp_path / "gone" / "disk.config")


def test_an_order_without_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostRejected, match="config drive"):
        ConfigDriveWriter.of(Settings()).write(spec().replace(facts=None), tmp_path / "disk.config")
