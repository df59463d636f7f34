"""What the image service does, for the fake and for the real client on the twin."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator

import pytest

from compute_service.clients.fake.images import FakeImages
from compute_service.clients.glance import GlanceImages
from compute_service.clients.http import reach_of
from compute_service.config.settings import Settings
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Forbidden, NotFound
from compute_service.domain.image import Image
from compute_service.ports.images import Images
from tests.contract.clients.conftest import ADDRESS, OTHERS, OURS, context
from tests.fixtures.around import World

DATA = bytes(range(256)) * 1000


@pytest.fixture(params=["fake", "twin with tokens", "twin without tokens"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def behind(world: World) -> FakeImages:
    """The service behind the client under test."""
    return world.images


@pytest.fixture
def images(kind: str, world: World, cloud: Settings) -> Images:
    if kind == "fake":
        return world.images
    mounts = {ADDRESS: world.application(ADDRESS)}
    return GlanceImages(reach_of(cloud, "glance", mounts=mounts))


@pytest.fixture
def member(kind: str, world: World) -> Context:
    return context(world, "ann", with_token=kind == "twin with tokens")


@pytest.fixture
def stranger(kind: str, world: World) -> Context:
    return context(world, "bob", with_token=kind == "twin with tokens")


def image(**fields: object) -> Image:
    return Image(**{"id": str(uuid.uuid4()), "name": "web", "visibility": "private", **fields})


def pieces(data: bytes = DATA) -> Iterator[bytes]:
    return (data[at : at + 1000] for at in range(0, len(data), 1000))


def test_an_image_is_shown_whole(images: Images, behind: FakeImages, member: Context) -> None:
    wanted = image(
        owner=OURS,
        min_disk_gb=3,
        min_ram_mb=64,
        disk_format="raw",
        protected=True,
        properties={"hw_disk_bus": "virtio", "os_type": "linux"},
    )
    added = behind.add(wanted, DATA)
    shown = images.show(wanted.id, member)
    assert shown == added
    assert (shown.size, shown.hash_algo) == (len(DATA), "sha512")
    assert shown.hash_value == hashlib.sha512(DATA).hexdigest()


def test_an_image_without_data_has_no_size(images: Images, behind: FakeImages, member: Context) -> None:
    made = images.create(image(), member)
    shown = images.show(made.id, member)
    assert (shown.status, shown.size, shown.checksum, shown.hash_value) == ("queued", 0, None, None)


@pytest.mark.parametrize(
    ("visibility", "seen"), [("public", True), ("community", True), ("shared", False), ("private", False)]
)
def test_visibility_decides_who_sees(
    images: Images, behind: FakeImages, stranger: Context, visibility: str, seen: bool
) -> None:
    added = behind.add(image(owner=OURS, visibility=visibility))
    if seen:
        assert images.show(added.id, stranger).id == added.id
    else:
        with pytest.raises(NotFound):
            images.show(added.id, stranger)


def test_members_see_shared_images(images: Images, behind: FakeImages, stranger: Context) -> None:
    added = behind.add(image(owner=OURS, visibility="shared"))
    behind.share(added.id, OTHERS)
    assert images.show(added.id, stranger).id == added.id


def test_the_service_sees_every_image(images: Images, behind: FakeImages) -> None:
    added = behind.add(image(owner=OURS))
    assert images.show(added.id).id == added.id


@pytest.mark.parametrize("image_id", ["5a8e2b1c-0000-4000-8000-00000000dead", "..", "a/b", "tasks?x=y", "ä"])
def test_an_unknown_image_is_not_found(images: Images, member: Context, image_id: str) -> None:
    with pytest.raises(NotFound):
        images.show(image_id, member)
    with pytest.raises(NotFound):
        images.download(image_id)


def test_an_image_is_made_once(images: Images, behind: FakeImages, member: Context) -> None:
    wanted = image(properties={"image_type": "snapshot"}, min_disk_gb=2)
    made = images.create(wanted, member)
    assert (made.id, made.owner, made.status, made.properties, made.min_disk_gb) == (
        wanted.id,
        OURS,
        "queued",
        {"image_type": "snapshot"},
        2,
    )
    assert images.create(wanted, member) == made
    assert len(behind.images) == 1


def test_an_identifier_of_another_project_conflicts(
    images: Images, behind: FakeImages, member: Context
) -> None:
    theirs = behind.add(image(owner=OTHERS))
    with pytest.raises(Conflict):
        images.create(theirs.replace(owner=None), member)


def test_the_service_makes_images_for_itself_and_for_others(images: Images) -> None:
    own, for_ours = image(), image(owner=OURS)
    assert images.create(own) == images.create(own)
    assert images.create(for_ours).owner == OURS
    assert images.create(for_ours).owner == OURS


def test_a_public_image_is_for_admins_to_make(images: Images, member: Context, kind: str) -> None:
    if kind == "twin without tokens":
        pytest.skip("the service itself is an admin, and the API has asked its policy before")
    with pytest.raises(Forbidden):
        images.create(image(visibility="public"), member)


def test_data_goes_up_and_comes_down(images: Images, behind: FakeImages, member: Context) -> None:
    made = images.create(image(), member)
    images.upload(made.id, pieces(), "raw")
    assert b"".join(images.download(made.id)) == DATA
    shown = images.show(made.id, member)
    assert (shown.status, shown.size, shown.disk_format) == ("active", len(DATA), "raw")
    assert shown.owner == OURS


def test_no_data_is_data_too(images: Images, member: Context) -> None:
    made = images.create(image(), member)
    images.upload(made.id, iter(()), "raw")
    assert images.show(made.id, member).status == "active"
    assert b"".join(images.download(made.id)) == b""


def test_an_active_image_is_not_uploaded_again(images: Images, behind: FakeImages) -> None:
    added = behind.add(image(owner=OURS), DATA)
    images.upload(added.id, pieces(b"other"), "raw")
    assert behind.data[added.id] == DATA


def test_an_upload_elsewhere_under_way_conflicts(images: Images, behind: FakeImages) -> None:
    added = behind.add(image(owner=OURS, status="saving"))
    with pytest.raises(Conflict):
        images.upload(added.id, pieces(), "qcow2")


def test_an_upload_that_breaks_off_leaves_the_image_queued(
    images: Images, behind: FakeImages, member: Context
) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise OSError("the disk is gone")

    made = images.create(image(), member)
    with pytest.raises(OSError, match="the disk is gone"):
        images.upload(made.id, broken(), "qcow2")
    assert behind.images[made.id].status == "queued"
    images.upload(made.id, pieces(), "qcow2")
    assert behind.images[made.id].status == "active"


def test_there_is_nothing_to_upload_to(images: Images) -> None:
    with pytest.raises(NotFound):
        images.upload(str(uuid.uuid4()), pieces(), "qcow2")


def test_an_image_without_data_is_not_downloaded(images: Images, member: Context) -> None:
    made = images.create(image(), member)
    with pytest.raises(Conflict):
        images.download(made.id)


def test_a_deactivated_image_is_not_downloaded(images: Images, behind: FakeImages) -> None:
    added = behind.add(image(owner=OURS, status="deactivated"), DATA)
    with pytest.raises(Forbidden):
        images.download(added.id)


def test_images_are_found_by_their_properties_newest_first(images: Images, member: Context) -> None:
    wanted = {"image_type": "backup", "instance_uuid": str(uuid.uuid4())}
    made = [
        images.create(
            Image(
                id=str(uuid.uuid4()),
                name=f"b{n}",
                owner=member.project_id,
                visibility="private",
                properties=wanted,
            ),
            member,
        ).id
        for n in range(3)
    ]
    other = {**wanted, "image_type": "snapshot"}
    another = Image(
        id=str(uuid.uuid4()), name="s", owner=member.project_id, visibility="private", properties=other
    )
    images.create(another, member)
    found = images.find(wanted)
    assert {one.id for one in found} == set(made)
    times = [one.created_at for one in found]
    assert times == sorted(times, reverse=True)
    assert images.find({**wanted, "backup_type": "daily"}) == ()


def test_an_image_is_deleted_once_and_again(images: Images, behind: FakeImages) -> None:
    added = behind.add(image(owner=OURS), DATA)
    images.delete(added.id)
    images.delete(added.id)
    assert added.id not in behind.images


def test_a_protected_image_stays(images: Images, behind: FakeImages) -> None:
    added = behind.add(image(owner=OURS, protected=True), DATA)
    with pytest.raises(Forbidden):
        images.delete(added.id)
    assert added.id in behind.images
