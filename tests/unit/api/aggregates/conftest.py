from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.api.hosts import HostWorld, make_host_world
from tests.unit.api.wsgi import Caller


@pytest.fixture
def world() -> Iterator[HostWorld]:
    made = make_host_world()
    yield made
    made.store.close()


@pytest.fixture
def admin(world: HostWorld) -> Caller:
    return world.caller("root", role="admin")


@pytest.fixture
def member(world: HostWorld) -> Caller:
    return world.caller()
