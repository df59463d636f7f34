"""What local disks a new server may have."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.control.disks import disks_of, own_copies
from compute_service.domain.block_device import BlockDevice
from compute_service.domain.errors import Invalid
from tests.unit.flows.kinds.world import IMAGE, SMALL

FLAVOR = SMALL.replace(ephemeral_gb=4, swap_mb=1024)


def disk(**fields: Any) -> BlockDevice:
    return BlockDevice(**{"uuid": "u", "source_type": "blank", "destination_type": "local", **fields})


ROOT = disk(source_type="image", boot_index=0, image_id=IMAGE)


def test_a_server_has_a_root_disk_without_asking() -> None:
    (root,) = disks_of((), IMAGE, FLAVOR, 3)
    assert (root.source_type, root.image_id, root.boot_index) == ("image", IMAGE, 0)


def test_ordered_disks_follow_the_root_disk() -> None:
    ordered = (disk(size_gb=2), ROOT, disk(size_gb=1, guest_format="swap"))
    assert [one.source_type for one in disks_of(ordered, IMAGE, FLAVOR, 3)] == ["image", "blank", "blank"]


@pytest.mark.parametrize(
    ("ordered", "image", "why"),
    [
        ((), "", "Invalid imageRef"),
        ((disk(),), "", "Boot sequence"),
        ((disk(source_type="volume", volume_id="v"),), IMAGE, "no volume service"),
        ((disk(source_type="snapshot", snapshot_id="s"),), IMAGE, "no volume service"),
        ((disk(source_type="image", destination_type="volume", boot_index=0),), IMAGE, "no volume service"),
        ((ROOT.replace(boot_index=1),), IMAGE, "Mapping image to local"),
        ((ROOT.replace(image_id="other"),), IMAGE, "Mapping image to local"),
        ((ROOT, ROOT), IMAGE, "Mapping image to local"),
        ((ROOT, disk(boot_index=2)), IMAGE, "Boot sequence"),
        ((disk(boot_index=0),), IMAGE, "Boot sequence"),
        ((disk(size_gb=3), disk(size_gb=2)), IMAGE, "Ephemeral disks"),
        ((disk(), disk()), IMAGE, "Ephemeral disks"),
        ((disk(size_gb=2, guest_format="swap"),), IMAGE, "Swap drive"),
        ((disk(guest_format="swap"), disk(guest_format="swap")), IMAGE, "swap drive"),
        ((disk(size_gb=1), disk(size_gb=1), disk(size_gb=1)), IMAGE, "local devices"),
    ],
)
def test_disks_that_cannot_be_are_refused(ordered: tuple[BlockDevice, ...], image: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        disks_of(ordered, image, FLAVOR, 3)


def test_disks_without_limit_are_counted_by_nobody() -> None:
    many = tuple(disk(size_gb=1, boot_index=-1) for _ in range(4))
    assert len(disks_of(many, IMAGE, FLAVOR, -1)) == 5


def test_each_server_has_disks_of_its_own() -> None:
    disks = disks_of((), IMAGE, FLAVOR, 3)
    assert own_copies(disks)[0].uuid != disks[0].uuid
