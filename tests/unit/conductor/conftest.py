"""A conductor's collaborators over an embedded store, with doorbells and messages that are only noted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from compute_service.clients.fake.placement import FakePlacement
from compute_service.clients.notify import MemoryNotifier
from compute_service.config.settings import Settings
from compute_service.control.services import Services
from compute_service.domain.flow import FlowKey
from compute_service.domain.instance import Instance
from compute_service.store.embedded import embedded_cell, embedded_store
from compute_service.store.engine import Store
from compute_service.store.instances import instance_get, instance_insert
from compute_service.store.mappings import InstanceMapping, instance_mapping_insert
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import empty

CELL = embedded_cell("cell1")


@dataclass
class Site:
    """What the tests of the conductor stand on."""

    svc: Services
    store: Store
    clock: ManualClock
    placement: FakePlacement
    rung: list[FlowKey] = field(default_factory=list)
    introduced: list[str] = field(default_factory=list)

    def add(self, instance: Instance) -> Instance:
        """Have a server in the cell, made just now."""
        instance = instance.replace(created_at=self.clock.now())
        mapping = InstanceMapping(
            uuid=instance.uuid,
            project_id=instance.project_id,
            user_id=instance.user_id,
            cell=CELL,
            created_at=instance.created_at,
        )
        with self.store.api.write() as tx:
            instance_mapping_insert(tx, mapping)
        with self.store.database(CELL).write() as tx:
            return instance_insert(tx, instance)

    def server(self, uuid: str) -> Instance:
        """Return a server as it is now."""
        with self.store.database(CELL).read() as tx:
            found = instance_get(tx, uuid)
        assert found is not None
        return found


class _Host:
    def __init__(self, site: Site, host: str) -> None:
        self._site, self._host = site, host

    def introduce(self) -> None:
        """Note that the host was asked to register."""
        self._site.introduced.append(self._host)


class _Bell:
    def __init__(self, site: Site) -> None:
        self._site = site

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        """Note a ring."""
        self._site.rung.extend(keys)


@pytest.fixture(scope="package")
def ground() -> Iterator[tuple[ManualClock, Store]]:
    clock = ManualClock()
    store = embedded_store(None, ("cell1",), now=clock.now)
    yield clock, store
    store.close()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def site(ground: tuple[ManualClock, Store], settings: Settings) -> Site:
    clock, store = ground
    empty(store)
    placement = FakePlacement()
    made = Site(cast(Any, None), store, clock, placement)
    nothing = cast(Any, None)
    made.svc = Services(
        store=store,
        clock=clock,
        notify=MemoryNotifier(),
        conductor=cast(Any, _Bell(made)),
        scheduler=nothing,
        agent=lambda cell, host: cast(Any, _Host(made, host)),
        identity=nothing,
        images=nothing,
        network=nothing,
        placement=placement,
        settings=settings,
    )
    return made
