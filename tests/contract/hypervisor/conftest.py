"""The drivers under contract: each is made by a function that gets a host name, images and a clock.

`pair` gives two hosts that can hand guests to each other.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from compute_service.clients.fake.images import FakeImages
from compute_service.domain.flavor import Flavor
from compute_service.domain.guest import GuestSpec
from compute_service.domain.image import Image
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import Hypervisor
from compute_service.virt.fake import Exchange, FakeHypervisor
from tests.fakes.clock import ManualClock
from tests.fakes.libvirt_host import libvirt_pair

DATA = b"a very small operating system" * 40
IMAGE = Image(
    id="11111111-1111-4111-8111-111111111111",
    name="small",
    size=len(DATA),
    disk_format="raw",
    checksum=hashlib.md5(DATA, usedforsecurity=False).hexdigest(),
    hash_algo="sha512",
    hash_value=hashlib.sha512(DATA).hexdigest(),
)
FLAVOR = Flavor(flavorid="1", name="m1.tiny", vcpus=2, memory_mb=512, root_gb=1, ephemeral_gb=2, swap_mb=512)
BIGGER = FLAVOR.replace(flavorid="2", vcpus=4, memory_mb=2048, root_gb=20)
GUEST = "22222222-2222-4222-8222-222222222222"


def stored_images(clock: ManualClock) -> FakeImages:
    """Return an image service that has `IMAGE` with `DATA`."""
    images = FakeImages(clock)
    images.add(IMAGE, DATA)
    return images


def guest_spec(
    uuid: str = GUEST, flavor: Flavor = FLAVOR, power: PowerState = PowerState.RUNNING
) -> GuestSpec:
    return GuestSpec(
        uuid=uuid,
        name="instance-00000001",
        display_name="one",
        hostname="one",
        project_id="p",
        user_id="u",
        flavor=flavor,
        image=IMAGE,
        power=power,
    )


@pytest.fixture
def images(clock: ManualClock) -> FakeImages:
    return stored_images(clock)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["fake", "libvirt-qcow2", "libvirt-raw"])
def pair(
    request: pytest.FixtureRequest, images: FakeImages, clock: ManualClock, tmp_path: Path
) -> tuple[Hypervisor, Hypervisor]:
    if request.param != "fake":
        return libvirt_pair(tmp_path, images, clock, request.param.partition("-")[2])
    exchange = Exchange()
    return (
        FakeHypervisor("source", images, clock, exchange=exchange),
        FakeHypervisor("target", images, clock, exchange=exchange),
    )


@pytest.fixture
def driver(pair: tuple[Hypervisor, Hypervisor]) -> Hypervisor:
    return pair[0]
