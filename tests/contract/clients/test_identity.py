"""What the identity service tells, for the fake and for the real client on the twin."""

from __future__ import annotations

import pytest

from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.http import reach_of
from compute_service.clients.keystone import BELIEVED_FOR, KeystoneIdentity
from compute_service.config.settings import Settings
from compute_service.ports.identity import Identity
from tests.contract.clients.conftest import ADDRESS, OURS, SERVICE
from tests.fakes.clock import ManualClock
from tests.fixtures.around import World


@pytest.fixture(params=["fake", "twin"])
def identity(request: pytest.FixtureRequest, world: World, cloud: Settings, clock: ManualClock) -> Identity:
    if request.param == "fake":
        return world.identity
    mounts = {ADDRESS: world.application(ADDRESS)}
    return KeystoneIdentity(reach_of(cloud, "keystone", mounts=mounts, clock=clock))


@pytest.fixture
def behind(world: World) -> FakeIdentity:
    return world.identity


def test_a_project_exists(identity: Identity) -> None:
    assert identity.project_exists(OURS) is True


@pytest.mark.parametrize("project_id", ["0" * 32, "nothing", "..", "a/b"])
def test_a_project_does_not_exist(identity: Identity, project_id: str) -> None:
    assert identity.project_exists(project_id) is False


def test_a_project_is_seen_as_soon_as_it_exists(identity: Identity, behind: FakeIdentity) -> None:
    assert identity.project_exists("f" * 32) is False
    behind.add_project("new", project_id="f" * 32)
    assert identity.project_exists("f" * 32) is True


def test_a_deleted_project_is_forgotten_in_time(
    identity: Identity, behind: FakeIdentity, clock: ManualClock
) -> None:
    assert identity.project_exists(OURS) is True
    del behind.projects[OURS]
    clock.advance(BELIEVED_FOR + 1)
    assert identity.project_exists(OURS) is False


def test_a_service_that_may_not_ask_does_not_know(world: World, cloud: Settings) -> None:
    identity = KeystoneIdentity(reach_of(cloud, "keystone", mounts={ADDRESS: world.application(ADDRESS)}))
    for _, target, role in list(world.identity.assignments):
        if target == SERVICE:
            world.identity.assignments.discard(("nova", target, role))
    world.identity.grant(world.identity.users["nova"], "member", world.identity.projects[SERVICE])
    assert identity.project_exists(OURS) is None


def test_a_service_that_cannot_sign_in_does_not_know(world: World, cloud: Settings) -> None:
    identity = KeystoneIdentity(reach_of(cloud, "keystone", mounts={ADDRESS: world.application(ADDRESS)}))
    world.identity.add_endpoint("identity", "keystone", f"{ADDRESS}/identity")
    world.identity.assignments.clear()
    assert identity.project_exists(OURS) is None
