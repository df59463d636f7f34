"""Fixtures of flow kinds: one store for all tests, emptied for each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compute_service.store.embedded import embedded_store
from compute_service.store.engine import Store
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import empty
from tests.unit.flows.kinds.world import World

MakeWorld = Callable[..., World]


@pytest.fixture(scope="package")
def ground() -> tuple[ManualClock, Store]:
    clock = ManualClock()
    return clock, embedded_store(now=clock.now)


@pytest.fixture
def make_world(ground: tuple[ManualClock, Store]) -> MakeWorld:
    clock, store = ground

    def make(**changes: object) -> World:
        empty(store)
        return World(clock, store, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
