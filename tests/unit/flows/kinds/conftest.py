"""Fixtures of flow kinds."""

from __future__ import annotations

import pytest

from tests.unit.flows.kinds.world import World


@pytest.fixture
def world() -> World:
    return World()
