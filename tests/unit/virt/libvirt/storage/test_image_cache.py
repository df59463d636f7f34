"""Images are fetched once, whole, and leave when nobody uses them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from compute_service.clients.fake.images import FakeImages
from compute_service.domain.errors import BuildAborted, HostRejected, Unavailable
from compute_service.domain.image import Image
from compute_service.virt.libvirt.storage.image_cache import ImageCache
from tests.fakes.clock import ManualClock

DATA = b"QFI\xfb" + bytes(1000)
IMAGE = Image(
    id="11111111-1111-4111-8111-111111111111",
    disk_format="qcow2",
    checksum=hashlib.md5(DATA, usedforsecurity=False).hexdigest(),
    hash_algo="sha512",
    hash_value=hashlib.sha512(DATA).hexdigest(),
)
DAY = 86_400


class QemuImg:
    """Answers as qemu-img would: tells of a qcow2 image, and converts by copying with a word before."""

    def __init__(self) -> None:
        self.backing: str | None = None
        self.verbs: list[str] = []

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        self.verbs.append(argv[1])
        if argv[1] == "convert":
            Path(argv[-1]).write_bytes(b"raw:" + Path(argv[-2]).read_bytes())
            return ""
        return json.dumps({"virtual-size": 4096, "format": "qcow2", "backing-filename": self.backing})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def images(clock: ManualClock) -> FakeImages:
    images = FakeImages(clock)
    images.add(IMAGE, DATA)
    return images


@pytest.fixture
def qemu_img() -> QemuImg:
    return QemuImg()


@pytest.fixture
def cache(tmp_path: Path, images: FakeImages, clock: ManualClock, qemu_img: QemuImg) -> ImageCache:
    return ImageCache(tmp_path / "_base", images, clock, qemu_img, DAY)


def left(folder: Path) -> set[str]:
    return {path.name for path in (folder / "_base").iterdir() if path.suffix != ".lock"}


def test_an_image_is_fetched_once_and_turned_raw(
    cache: ImageCache, images: FakeImages, tmp_path: Path
) -> None:
    path = cache.get(IMAGE)
    assert cache.get(IMAGE) == path
    assert path.read_bytes() == b"raw:" + DATA
    assert images.calls["download"] == 1
    assert left(tmp_path) == {f"{IMAGE.id}.raw"}


def test_an_image_can_be_kept_as_it_is(cache: ImageCache, qemu_img: QemuImg) -> None:
    assert cache.get(IMAGE, raw=False).read_bytes() == DATA
    assert qemu_img.verbs == ["info"]


def test_many_who_ask_at_once_cause_one_fetch(
    tmp_path: Path, images: FakeImages, clock: ManualClock, qemu_img: QemuImg
) -> None:
    found: list[Path] = []
    caches = [ImageCache(tmp_path / "_base", images, clock, qemu_img, DAY) for _ in range(8)]
    threads = [threading.Thread(target=lambda c=c: found.append(c.get(IMAGE))) for c in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert images.calls["download"] == 1


def test_a_damaged_image_is_not_kept(cache: ImageCache, images: FakeImages, tmp_path: Path) -> None:
    images.add(IMAGE, DATA + b"more")
    with pytest.raises(HostRejected, match="damaged"):
        cache.get(IMAGE)
    assert left(tmp_path) == set()


def test_an_image_that_points_elsewhere_is_not_kept(
    cache: ImageCache, qemu_img: QemuImg, tmp_path: Path
) -> None:
    qemu_img.backing = "/etc/shadow"
    with pytest.raises(BuildAborted, match="backing file"):
        cache.get(IMAGE)
    assert left(tmp_path) == set()
    assert qemu_img.verbs == ["info"]


def test_an_image_that_is_gone_ends_the_build(cache: ImageCache, images: FakeImages) -> None:
    images.delete(IMAGE.id)
    with pytest.raises(BuildAborted, match=IMAGE.id):
        cache.get(IMAGE)


def test_a_transfer_that_breaks_leaves_nothing_and_can_be_tried_again(
    cache: ImageCache, images: FakeImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(image_id: str) -> Iterator[bytes]:
        yield DATA[:10]
        raise Unavailable("gone away")

    with monkeypatch.context() as patch:
        patch.setattr(images, "download", broken)
        with pytest.raises(HostRejected, match="gone away"):
            cache.get(IMAGE)
    assert left(tmp_path) == set()
    assert cache.get(IMAGE).exists()


def test_use_is_noted_beside_an_image_for_it_may_belong_to_a_running_guest(
    cache: ImageCache, clock: ManualClock
) -> None:
    path = cache.get(IMAGE)
    before = path.stat().st_mtime_ns
    clock.advance(DAY / 2)
    cache.get(IMAGE)
    cache.prune(frozenset({IMAGE.id}))
    assert path.stat().st_mtime_ns == before
    clock.advance(DAY / 2 + 1)
    assert cache.prune(frozenset()) == []
    clock.advance(DAY)
    assert cache.prune(frozenset()) == [IMAGE.id]


def test_what_a_killed_process_left_is_written_over_or_removed_when_old(
    cache: ImageCache, tmp_path: Path, clock: ManualClock
) -> None:
    cache.get(IMAGE)
    rest = tmp_path / "_base" / "other.raw.part"
    rest.write_bytes(b"half")
    (tmp_path / "_base" / f"{IMAGE.id}.image.part").write_bytes(b"half")
    assert cache.get(IMAGE, raw=False).read_bytes() == DATA
    clock.advance(rest.stat().st_mtime - clock.time() + DAY + 1)
    cache.prune(frozenset({IMAGE.id}))
    assert left(tmp_path) == {f"{IMAGE.id}.raw", f"{IMAGE.id}.image"}


def test_an_image_ahead_of_use_is_fetched_once(cache: ImageCache) -> None:
    assert cache.add(IMAGE.id)
    assert not cache.add(IMAGE.id)


def test_an_image_goes_when_it_was_not_used_for_long(cache: ImageCache, clock: ManualClock) -> None:
    assert cache.prune(frozenset()) == []
    path = cache.get(IMAGE)
    clock.advance(DAY + 1)
    assert cache.prune(frozenset({IMAGE.id})) == []
    clock.advance(DAY - 1)
    assert cache.prune(frozenset()) == []
    clock.advance(2)
    assert cache.prune(frozenset()) == [IMAGE.id]
    assert not path.exists()


def test_an_identifier_cannot_lead_out_of_the_directory(
    cache: ImageCache, images: FakeImages, tmp_path: Path
) -> None:
    odd = IMAGE.replace(id="../../escape")
    images.add(odd, DATA)
    assert cache.get(odd).parent == tmp_path / "_base"
