"""What every place for disks does, over programs that are played and, where a machine has them, real ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, ComputeError, Invalid, NotSupported
from compute_service.domain.image import Image
from compute_service.virt.libvirt.disks import CachedImage
from compute_service.virt.libvirt.storage.files import FileDisks
from compute_service.virt.libvirt.storage.lvm import LogicalVolumes
from compute_service.virt.libvirt.storage.qemu_img import QemuImg
from compute_service.virt.libvirt.storage.rbd import RbdImages
from compute_service.virt.libvirt.storage.run import CommandFailed, Commands, Runner
from compute_service.virt.libvirt.storage.store import DiskStore
from compute_service.virt.libvirt.wanted import WantedDisk
from tests.fakes.clock import ManualClock
from tests.fakes.programs import FakePrograms
from tests.fakes.volumes import FakeVolumes

GUEST = "22222222-2222-4222-8222-222222222222"
MIB = 1 << 20
DATA = b"a very small operating system" * 40
ROOT = WantedDisk(role="root", name="disk", bytes=32 * MIB, image=Image(id="i", disk_format="raw"))
EPHEMERAL = WantedDisk(
    role="ephemeral", name="disk.eph0", bytes=16 * MIB, filesystem="ext4", label="ephemeral0"
)
SWAP = WantedDisk(role="swap", name="disk.swap", bytes=8 * MIB, filesystem="swap")

Make = Callable[[Path, Runner], DiskStore]
STORES: dict[str, Make] = {
    "qcow2": lambda root, runner: FileDisks(root, runner, "qcow2"),
    "raw": lambda root, runner: FileDisks(root, runner, "raw"),
}
PLAYED: dict[str, Make] = {
    "lvm": lambda root, runner: LogicalVolumes(runner, Libvirt(images_volume_group="vg")),
    "rbd": lambda root, runner: RbdImages(root, runner, Libvirt(rbd_user="nova"), ManualClock()),
}
"""Places that no machine has by itself."""
PROGRAMS = ("qemu-img", "mkfs.ext4", "mkswap")


@pytest.fixture(params=["played", "real"])
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Runner:
    if request.param == "played":
        return FakeVolumes(tmp_path / "volumes")
    missing = [name for name in PROGRAMS if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if missing:
        pytest.skip(f"THIS TEST DID NOT RUN: there is no {', '.join(missing)} here")
    return Commands()


@pytest.fixture(params=[*STORES, *PLAYED])
def store(request: pytest.FixtureRequest, runner: Runner, tmp_path: Path) -> DiskStore:
    if request.param in PLAYED and not isinstance(runner, FakeVolumes):
        pytest.skip("this machine has no such place")
    return {**STORES, **PLAYED}[request.param](tmp_path / "instances", runner)


@pytest.fixture
def base(tmp_path: Path) -> CachedImage:
    path = tmp_path / "_base" / "image.raw"
    path.parent.mkdir()
    path.write_bytes(DATA.ljust(MIB, b"\0"))
    return CachedImage(path, "raw", MIB)


def exported(store: DiskStore, tmp_path: Path, name: str) -> bytes:
    target = tmp_path / "exported"
    store.export(GUEST, name, target, "raw")
    return target.read_bytes()


def test_a_disk_made_of_an_image_shows_it_in_its_own_size(
    store: DiskStore, base: CachedImage, tmp_path: Path
) -> None:
    for _ in range(2):
        store.from_image(GUEST, ROOT, base)
    assert store.has(GUEST, "disk")
    data = exported(store, tmp_path, "disk")
    assert (len(data), data.rstrip(b"\0")) == (32 * MIB, DATA)


def test_a_disk_without_a_size_is_as_large_as_its_image(
    store: DiskStore, base: CachedImage, tmp_path: Path
) -> None:
    store.from_image(GUEST, ROOT.replace(bytes=0), base)
    assert len(exported(store, tmp_path, "disk")) == MIB


def test_an_image_larger_than_the_disk_is_given_up(store: DiskStore, base: CachedImage) -> None:
    with pytest.raises(BuildAborted):
        store.from_image(GUEST, ROOT.replace(bytes=MIB // 2), base)
    assert not store.has(GUEST, "disk")


@pytest.mark.parametrize("disk", [EPHEMERAL, SWAP, EPHEMERAL.replace(filesystem=None)])
def test_a_blank_disk_has_its_size(store: DiskStore, disk: WantedDisk, tmp_path: Path) -> None:
    for _ in range(2):
        store.blank(GUEST, disk)
    assert len(exported(store, tmp_path, disk.name)) == disk.bytes


def test_blank_disks_are_formatted(store: DiskStore, runner: Runner, tmp_path: Path) -> None:
    store.blank(GUEST, EPHEMERAL)
    store.blank(GUEST, SWAP)
    if isinstance(runner, FakePrograms):
        assert {words[0] for words in runner.ran} >= {"mkfs.ext4", "mkswap"}
    else:
        assert exported(store, tmp_path, "disk.eph0")[1024 + 56 : 1024 + 58] == b"\x53\xef"
        assert b"SWAPSPACE2" in exported(store, tmp_path, "disk.swap")[:65536]


def test_disks_grow_and_never_shrink(store: DiskStore, base: CachedImage, tmp_path: Path) -> None:
    store.from_image(GUEST, ROOT, base)
    for size in (64 * MIB, 64 * MIB, 8 * MIB):
        store.grow(GUEST, "disk", size)
        data = exported(store, tmp_path, "disk")
        assert (len(data), data.rstrip(b"\0")) == (64 * MIB, DATA)


def test_a_removed_disk_is_gone_and_may_be_removed_again(store: DiskStore, base: CachedImage) -> None:
    store.from_image(GUEST, ROOT, base)
    for _ in range(2):
        store.remove(GUEST, "disk")
        assert not store.has(GUEST, "disk")


def test_a_disk_that_is_not_there_cannot_be_read(store: DiskStore, tmp_path: Path) -> None:
    with pytest.raises(ComputeError):
        store.export(GUEST, "disk", tmp_path / "exported", "raw")


def test_an_image_that_is_not_there_leaves_no_disk(store: DiskStore, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed):
        store.from_image(GUEST, ROOT, CachedImage(tmp_path / "gone.raw", "raw", MIB))
    assert not store.has(GUEST, "disk")


def test_the_place_of_a_disk_tells_its_format(store: DiskStore, base: CachedImage) -> None:
    store.from_image(GUEST, ROOT, base)
    place = store.place(GUEST, ROOT)
    assert (place.role, place.format) == ("root", store.format)
    assert place.path.endswith("disk")


def test_a_disk_of_a_moved_guest_is_copied_with_no_base_under_it(
    store: DiskStore, base: CachedImage, runner: Runner, tmp_path: Path
) -> None:
    if not isinstance(store, FileDisks):
        with pytest.raises(NotSupported):
            store.standalone(tmp_path / "disk", tmp_path / "alone")
        return
    store.from_image(GUEST, ROOT, base)
    alone = tmp_path / "alone"
    store.standalone(tmp_path / "instances" / GUEST / "disk", alone)
    base.path.unlink()
    assert store.bases() == (frozenset({"image.raw"}) if store.format == "qcow2" else frozenset())
    assert QemuImg(runner).size(str(alone), store.format) == 32 * MIB
    QemuImg(runner).copy((store.format, str(alone)), ("raw", str(tmp_path / "read")))
    assert (tmp_path / "read").read_bytes().rstrip(b"\0") == DATA


def test_a_place_tells_how_much_fits(store: DiskStore) -> None:
    space = store.space()
    assert 0 < space.free <= space.total


def test_all_disks_of_one_guest_are_removed_and_nobody_elses(store: DiskStore, base: CachedImage) -> None:
    other = GUEST.replace("2", "3")
    for uuid in (GUEST, other):
        store.from_image(uuid, ROOT, base)
        store.blank(uuid, SWAP)
    for _ in range(2):
        store.remove_all(GUEST)
    assert store.has(other, "disk")
    assert store.has(GUEST, "disk") is store.movable


def volumes_of(tmp_path: Path, **options: object) -> tuple[FakeVolumes, LogicalVolumes]:
    runner = FakeVolumes(tmp_path / "volumes")
    return runner, LogicalVolumes(runner, Libvirt(images_volume_group="vg", **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(("how", "program"), [("zero", "blkdiscard"), ("shred", "shred"), ("none", None)])
def test_a_volume_is_wiped_before_it_is_removed(how: str, program: str | None, tmp_path: Path) -> None:
    runner, store = volumes_of(tmp_path, volume_clear=how)
    store.blank(GUEST, SWAP)
    store.remove(GUEST, SWAP.name)
    last = [words[0] for words in runner.ran[-3:]]
    assert last[-1] == "lvremove"
    assert program is None or last[-2] == program


def test_a_volume_can_be_sparse(tmp_path: Path) -> None:
    runner, store = volumes_of(tmp_path, sparse_logical_volumes=True)
    store.blank(GUEST, SWAP.replace(bytes=256 * MIB))
    words = next(words for words in runner.ran if words[0] == "lvcreate")
    assert words[words.index("--virtualsize") + 1] == f"{256 * MIB}b"
    assert runner.volumes() == {f"{GUEST}_disk.swap": 256 * MIB}


def test_volumes_need_a_group() -> None:
    with pytest.raises(Invalid, match="images_volume_group"):
        LogicalVolumes(FakePrograms(), Libvirt())


def test_a_half_written_volume_is_written_anew(tmp_path: Path, base: CachedImage) -> None:
    runner, store = volumes_of(tmp_path)
    (runner.root / f"{GUEST}_disk.part").write_bytes(b"half")
    store.from_image(GUEST, ROOT, base)
    assert runner.volumes() == {f"{GUEST}_disk": 32 * MIB}


def test_ceph_is_asked_again_to_remove_what_it_does_not_let_go(tmp_path: Path) -> None:
    runner, clock = FakeVolumes(tmp_path / "volumes"), ManualClock()
    store = RbdImages(tmp_path, runner, Libvirt(), clock)
    store.blank(GUEST, SWAP)
    runner.busy = 12
    store.remove(GUEST, SWAP.name)
    assert (runner.volumes(), clock.slept) == ({}, [5] * 12)
    store.blank(GUEST, SWAP)
    runner.busy = 13
    with pytest.raises(CommandFailed, match="watchers"):
        store.remove(GUEST, SWAP.name)


def test_guests_reach_ceph_by_its_monitors(tmp_path: Path) -> None:
    store = RbdImages(
        tmp_path,
        FakeVolumes(tmp_path / "volumes"),
        Libvirt(rbd_user="nova", rbd_secret_uuid=GUEST),
        ManualClock(),
    )
    cluster = store.cluster()
    assert cluster.monitors == (("192.0.2.1", 6789), ("2001:db8::1", 3300))
    assert (cluster.user, cluster.secret) == ("nova", GUEST)
