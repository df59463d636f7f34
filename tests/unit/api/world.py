"""The API over a store of its own, with nobody behind it: what is rung for is noted and not done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, cast

from compute_service.api.app import Parts, application
from compute_service.api.context import no_auth
from compute_service.api.policies import ALL
from compute_service.api.policy import Policy
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.notify import MemoryNotifier
from compute_service.config.settings import Settings
from compute_service.control.services import Services
from compute_service.domain.errors import Unavailable
from compute_service.domain.instance import Instance
from compute_service.store.embedded import embedded_cell, embedded_store
from compute_service.store.engine import Store
from compute_service.store.instances import instance_insert
from compute_service.store.mappings import Ordered, instance_mapping_insert
from tests.fakes.clock import ManualClock
from tests.fixtures.records import a_full_instance, a_mapping
from tests.unit.api.wsgi import OWN, Caller

CELL = embedded_cell("cell1")


class Bell:
    """A conductor that only notes which flows it was rung for."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def wake(self, keys: tuple[Any, ...]) -> None:
        self.rung += [key.flow_id for key in keys]


class _Broken:
    """Stands for a database that does not answer."""

    def read(self) -> Any:
        raise Unavailable("the database does not answer")

    write = read


@dataclass
class World:
    """An application with all that a test needs to look behind it."""

    svc: Services
    app: Callable[..., Any]
    bell: Bell = field(default_factory=Bell)

    @property
    def store(self) -> Store:
        return self.svc.store

    @property
    def images(self) -> FakeImages:
        return cast(FakeImages, self.svc.images)

    @property
    def network(self) -> FakeNetwork:
        return cast(FakeNetwork, self.svc.network)

    def statements(self) -> int:
        """Return how many statements ran in all databases."""
        return sum(self.store.database(name).statements for name in self.store.names())

    def cell_is_down(self) -> None:
        """Let the cell's database not answer."""
        self.store.database(CELL)._turn = _Broken()  # type: ignore[assignment]

    def caller(self, user: str = "alice", project: str = OWN, role: str = "member") -> Caller:
        return Caller(self.app, f"{user}:{project}:{role}", "2.104")

    def server(self, cell: str | None = CELL, **fields: Any) -> Instance:
        """Put a server into the store, in a cell or (None) without one."""
        instance = a_full_instance(**{"project_id": OWN, "user_id": "alice", **fields})
        return self.put(instance, cell)

    def put(self, instance: Instance, cell: str | None = CELL) -> Instance:
        with self.store.api.write() as tx:
            instance_mapping_insert(tx, a_mapping(instance, cell), Ordered.like(instance))
        with self.store.database(cell or "api").write() as tx:
            return instance_insert(tx, instance)


def make_world(settings: Settings | None = None, **parts: Any) -> World:
    """Return a fresh world at the clock's first moment."""
    clock = ManualClock()
    bell = Bell()
    given: dict[str, Any] = {
        "store": embedded_store(now=clock.now),
        "clock": clock,
        "conductor": bell,
        "images": FakeImages(clock),
        "network": FakeNetwork(clock, map(numbered, count()).__next__),
        "notify": MemoryNotifier(),
        "settings": settings or Settings(),
    }
    missing = {name: cast(Any, None) for name in Services.__dataclass_fields__ if name not in given}
    svc = Services(**{**missing, **given, **parts})
    return World(svc, application(Parts(svc, Policy(ALL)), no_auth), bell)


def numbered(number: int) -> str:
    """Return the identifier that the network service gives its thing of this number, from 0."""
    return f"00000000-0000-4000-8000-{number:012x}"


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day)
