"""Images that try to be something else are refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from compute_service.domain.errors import BuildAborted
from compute_service.virt.libvirt.storage.inspection import MARKS, Inspected, inspect, mark_of
from compute_service.virt.libvirt.storage.run import CommandFailed

QCOW2 = b"QFI\xfb" + bytes(600)
VMDK = b"KDMV" + bytes(600)


class Tells:
    """A runner that answers as qemu-img would; `{path}` stands for the file it is asked about."""

    def __init__(self, **facts: Any) -> None:
        self.facts: Any = {"virtual-size": 1 << 20, **facts}
        self.argv: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        assert limited
        assert 0 < timeout <= 60
        self.argv.append(tuple(argv))
        return json.dumps(self.facts).replace("{path}", argv[-1])


def a_file(folder: Path, data: bytes) -> Path:
    path = folder / "image"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("name", "at", "mark"), MARKS)
def test_a_format_is_known_by_its_mark(tmp_path: Path, name: str, at: int, mark: bytes) -> None:
    assert mark_of(a_file(tmp_path, bytes(at) + mark + bytes(9))) == name


def test_a_qcow2_image_of_its_own_may_be_used(tmp_path: Path) -> None:
    runner = Tells(format="qcow2")
    path = a_file(tmp_path, QCOW2)
    assert inspect(path, "qcow2", runner) == Inspected(driver="qcow2", virtual_bytes=1 << 20)
    (argv,) = runner.argv
    assert argv[argv.index("-f") + 1] == "qcow2"


@pytest.mark.parametrize("disk_format", ["raw", "iso", "ami"])
def test_plain_images_are_not_given_to_any_program(tmp_path: Path, disk_format: str) -> None:
    runner = Tells()
    assert inspect(a_file(tmp_path, b"x" * 700), disk_format, runner).virtual_bytes == 700
    assert runner.argv == []


def test_a_disk_that_is_also_an_iso_may_be_raw(tmp_path: Path) -> None:
    assert inspect(a_file(tmp_path, bytes(0x8001) + b"CD001"), "raw", Tells()).driver == "raw"


@pytest.mark.parametrize("data", [QCOW2, VMDK, b'# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n'])
def test_a_raw_image_that_is_another_format_inside_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BuildAborted, match="says it is raw, but its data is"):
        inspect(a_file(tmp_path, data), "raw", Tells())


@pytest.mark.parametrize(("disk_format", "data"), [("qcow2", VMDK), ("vmdk", QCOW2), ("qcow2", b"plain")])
def test_an_image_that_is_not_what_it_says_is_refused(tmp_path: Path, disk_format: str, data: bytes) -> None:
    with pytest.raises(BuildAborted, match=f"says it is {disk_format}, but its data is"):
        inspect(a_file(tmp_path, data), disk_format, Tells())


TRICKS = {
    "backing": ({"backing-filename": "/etc/shadow"}, "backing file"),
    "full backing": ({"full-backing-filename": "json:{}"}, "backing file"),
    "data file": ({"format-specific": {"data": {"data-file": "/etc/shadow"}}}, "another file"),
    "encrypted": ({"encrypted": True}, "encrypted"),
    "another format": ({"format": "raw"}, "but is raw"),
}


@pytest.mark.parametrize("name", TRICKS)
def test_an_image_that_points_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    facts, why = TRICKS[name]
    with pytest.raises(BuildAborted, match=why):
        inspect(a_file(tmp_path, QCOW2), "qcow2", Tells(**{"format": "qcow2", **facts}))


def vmdk(kind: str, *files: str) -> Tells:
    extents = [{"filename": name, "format": "SPARSE"} for name in files]
    return Tells(**{"format": "vmdk", "format-specific": {"data": {"create-type": kind, "extents": extents}}})


def test_a_vmdk_of_one_file_may_be_used(tmp_path: Path) -> None:
    assert inspect(a_file(tmp_path, VMDK), "vmdk", vmdk("streamOptimized", "{path}")).driver == "vmdk"


@pytest.mark.parametrize(
    "runner", [vmdk("monolithicFlat", "{path}"), vmdk("monolithicSparse", "{path}", "/etc/shadow")]
)
def test_a_vmdk_of_other_files_is_refused(tmp_path: Path, runner: Tells) -> None:
    with pytest.raises(BuildAborted, match="VMDK"):
        inspect(a_file(tmp_path, VMDK), "vmdk", runner)


def test_a_vhd_of_fixed_size_has_its_mark_at_the_end(tmp_path: Path) -> None:
    data = bytes(1024) + b"conectix" + bytes(504)
    assert inspect(a_file(tmp_path, data), "vhd", Tells(format="vpc")).driver == "vpc"
    with pytest.raises(BuildAborted):
        inspect(a_file(tmp_path, b"short"), "vhd", Tells(format="vpc"))


def test_a_format_nobody_reads_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildAborted, match="ploop"):
        inspect(a_file(tmp_path, b""), "ploop", Tells())


@pytest.mark.parametrize("answer", [[], {"virtual-size": "big"}])
def test_an_answer_that_makes_no_sense_is_the_hosts_fault(tmp_path: Path, answer: object) -> None:
    runner = Tells()
    runner.facts = answer
    with pytest.raises(CommandFailed):
        inspect(a_file(tmp_path, QCOW2), "qcow2", runner)
