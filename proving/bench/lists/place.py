"""A database server with a full cell, and the API over it in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from compute_service.api.context import WsgiApp, no_auth
from compute_service.clients.clock import SystemClock
from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.placement import FakePlacement
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.wiring import Outside, parts_of
from compute_service.cmd.wsgi import compute_application
from compute_service.config.settings import Settings
from compute_service.domain.host import CELL0, Cell
from compute_service.store.embedded import embedded_cell
from compute_service.store.engine import Store, StoreUrls
from compute_service.store.mappings import cell_mapping_insert
from compute_service.store.schema.upgrade import sync_database
from proving.bench.lists.fill import BESIDE, LARGE, OTHER
from proving.infrastructure.mariadb import MariaDb
from proving.infrastructure.postgresql import PostgreSql

CELL = embedded_cell("cell1")
KINDS: dict[str, type[MariaDb] | type[PostgreSql]] = {"mariadb": MariaDb, "postgresql": PostgreSql}


def make_store(url: Callable[[str], str]) -> Store:
    """Return a store with schema and one cell; `url` makes a database and returns its address."""
    store = Store(StoreUrls(api=url("api"), transport="local:///"))
    sync_database(store.api, "api")
    with store.api.write() as tx:
        for uuid, name in ((CELL0, "cell0"), (CELL, "cell1")):
            cell_mapping_insert(
                tx, Cell(uuid=uuid, name=name, transport_url="local:///", database_connection=url(name))
            )
    for uuid in (CELL0, CELL):
        sync_database(store.database(uuid), "cell")
    return store


@contextmanager
def serving(kind: str) -> Iterator[Store]:
    """Start a database server and make a store on it. Raises Missing."""
    with tempfile.TemporaryDirectory(prefix="stratus-lists-", ignore_cleanup_errors=True) as folder:
        server = KINDS[kind](Path(folder))
        try:
            server.start()
            server.ready()

            def url(name: str) -> str:
                server.create(name)
                return server.url(name)

            store = make_store(url)
            try:
                yield store
            finally:
                store.close()
        finally:
            server.close()


def api_over(store: Store) -> WsgiApp:
    """Return the API over a store, with fakes beside it; a token says who asks."""
    settings = Settings()
    settings = replace(
        settings,
        api=replace(settings.api, auth_strategy="noauth2"),
        default=replace(settings.default, transport_url="local:///"),
    )
    clock = SystemClock()
    identity = FakeIdentity(clock)
    for project in (LARGE, BESIDE, OTHER):
        identity.add_project(project, project_id=project)
    outside = Outside(identity, FakeImages(clock), FakeNetwork(clock), FakePlacement(), clock)
    return compute_application(parts_of(settings, outside, Metrics(), store), no_auth)
