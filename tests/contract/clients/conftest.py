"""What the clients' contract tests share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from compute_service.clients.fake.placement import FakePlacement
from compute_service.clients.http import reach_of
from compute_service.clients.placement import PlacementClient
from compute_service.clients.placement_inprocess import InProcessPlacement
from compute_service.config.load import load
from compute_service.config.settings import Settings

REAL = "STRATUS_REAL_SERVICES"
"""Names a nova.conf whose sections tell how real services are reached."""


@pytest.fixture
def server() -> str:
    """A server's identifier, which is also its consumer's."""
    return str(uuid.uuid4())


@pytest.fixture
def fake_placement() -> FakePlacement:
    return FakePlacement()


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessPlacement]:
    service = InProcessPlacement(tmp_path_factory.mktemp("placement") / "placement.sqlite")
    yield service
    service.close()


@pytest.fixture
def in_process_placement(in_process: InProcessPlacement) -> PlacementClient:
    return PlacementClient(in_process.reach())


@pytest.fixture
def real_placement() -> PlacementClient:
    """A service that stands somewhere, reached as section [placement] of a nova.conf says."""
    return PlacementClient(reach_of(real_settings(), "placement"))


def real_settings() -> Settings:
    path = os.environ.get(REAL)
    if path is None:
        pytest.skip(f"no real services: {REAL} names no nova.conf")
    return load(files=[path])
