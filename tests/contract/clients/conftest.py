"""What the clients' contract tests share: each service as a fake, behind its twin, and for real."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.placement import FakePlacement
from compute_service.clients.http import reach_of
from compute_service.clients.placement import PlacementClient
from compute_service.clients.placement_inprocess import InProcessPlacement
from compute_service.config.load import load
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.context import Context
from tests.fakes.clock import ManualClock
from tests.fixtures.around import World

REAL = "STRATUS_REAL_SERVICES"
"""Names a nova.conf whose sections tell how real services are reached."""
ADDRESS = "http://cloud.invalid"
OURS = "5d3c0f6e8f0d4f0c9d3b8a7e6c5d4b3a"
OTHERS = "6e4d1f7f9f1e5f1dae4c9b8f7d6e5c4b"
SERVICE = "7f5e2a8a0a2f6a2ebf5dac9a8e7f6d5c"
USERS = {
    "ann": (OURS, "member"),
    "bob": (OTHERS, "member"),
    "boss": (OURS, "admin"),
    "nova": (SERVICE, "admin"),
}


@pytest.fixture
def server() -> str:
    """A server's identifier, which is also its consumer's."""
    return str(uuid.uuid4())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Services in memory with users of two projects. Tokens live by the machine's clock, as libraries do."""
    identity = FakeIdentity()
    identity.add_domain("Default", "default")
    for role in ("admin", "member", "service"):
        identity.add_role(role)
    for project_id in (OURS, OTHERS, SERVICE):
        identity.add_project(f"project-{project_id[:4]}", project_id=project_id)
    for name, (project_id, role) in USERS.items():
        identity.grant(identity.add_user(name, "secret", user_id=name), role, identity.projects[project_id])
    return World(identity, FakeImages(clock), FakeNetwork(clock))


@pytest.fixture
def cloud(world: World) -> Settings:
    """Settings with which the real clients reach the world's twins."""
    credentials = {
        "auth_type": "password",
        "auth_url": f"{ADDRESS}/identity",
        "username": "nova",
        "password": "secret",
        "user_domain_id": "default",
        "project_id": SERVICE,
    }
    return settings_of({name: credentials for name in ("neutron", "glance", "keystone", "service_user")})


def context(world: World, user: str, with_token: bool) -> Context:
    """Return the context of a user's request; a flow's has no token."""
    project_id, role = USERS[user]
    known = world.identity.users[user]
    token = world.identity.issue(known, world.identity.projects[project_id]).id if with_token else None
    return Context(
        request_id="req-1",
        user_id=user,
        project_id=project_id,
        roles=(role,),
        is_admin=role == "admin",
        token=token,
    )


@pytest.fixture
def fake_placement() -> FakePlacement:
    return FakePlacement()


@pytest.fixture(scope="module")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessPlacement]:
    service = InProcessPlacement(tmp_path_factory.mktemp("placement") / "placement.sqlite")
    yield service
    service.close()


@pytest.fixture
def in_process_placement(in_process: InProcessPlacement) -> PlacementClient:
    return PlacementClient(in_process.reach())


@pytest.fixture
def real_placement(real: Settings) -> PlacementClient:
    """A service that stands somewhere, reached as section [placement] of a nova.conf says."""
    return PlacementClient(reach_of(real, "placement"))


@pytest.fixture
def real() -> Settings:
    path = os.environ.get(REAL)
    if path is None:
        pytest.skip(f"no real services: {REAL} names no nova.conf")
    return load(files=[path])
