from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.api.world import World, make_world


@pytest.fixture
def world() -> Iterator[World]:
    made = make_world()
    yield made
    made.store.close()
