"""The real placement service inside this process, on an SQLite database: for development and tests.

Needs the package openstack-placement (extra `placement`).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from keystoneauth1 import token_endpoint

from compute_service.clients.auth import session_of
from compute_service.clients.http import Patience, Reach
from compute_service.config.keystoneauth import Session
from compute_service.domain.errors import Conflict

ADDRESS = "http://placement.invalid/placement"
"""Where `reach` finds the application; never resolved."""
_OPEN = threading.Lock()
"""The service keeps its database in a module's global, so there is one at a time in a process."""


class InProcessPlacement:
    """Placement on the SQLite file `path`, made if it is not there. Raises Conflict while another is open.

    Requests are answered one at a time, which SQLite asks of writers anyway. Whoever calls without going
    through a check of tokens is an admin.
    """

    def __init__(self, path: Path) -> None:
        if not _OPEN.acquire(blocking=False):
            raise Conflict("The placement service is open in this process already.")
        self._lock = threading.Lock()
        self._path = path
        try:
            self._application, self._close = _start(path)
        except BaseException:
            _OPEN.release()
            raise

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a WSGI request."""
        with self._lock:
            return list(self._application(environ, start_response))

    def reach(self) -> Reach:
        """Return how a `PlacementClient` reaches this service without a socket."""
        return Reach(
            name="placement",
            session=session_of(Session(), {ADDRESS: self}),
            auth=token_endpoint.Token(ADDRESS, "admin"),
            service_type="placement",
            addresses=(ADDRESS,),
            patience=Patience(connects=0),
        )

    def close(self) -> None:
        """Let go of the database; the file stays."""
        with self._lock:
            self._close()
        _OPEN.release()


def _start(path: Path) -> tuple[Callable[..., Iterable[bytes]], Callable[[], None]]:
    from oslo_config import cfg
    from oslo_db.sqlalchemy import engines
    from placement import conf as placement_conf
    from placement import db_api, deploy, policy
    from placement.db.sqlalchemy import migration
    from placement.objects import resource_class, trait

    url = f"sqlite:///{path.absolute()}"
    conf = cfg.ConfigOpts()
    placement_conf.register_opts(conf)
    conf.set_override("auth_strategy", "noauth2", "api")
    conf.set_override("connection", "sqlite://", "placement_database")
    conf([], project="placement", default_config_files=[], default_config_dirs=[])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    if not db_api.configure.called:
        db_api.configure(conf)
    engine = engines.create_engine(url, sqlite_synchronous=False)
    restore = db_api.placement_context_manager.patch_engine(engine)

    def close() -> None:
        restore()
        engine.dispose()
        policy.reset()

    try:
        migration.create_schema(engine)
        trait._TRAITS_SYNCED = resource_class._RESOURCE_CLASSES_SYNCED = False
        return deploy.loadapp(conf), close
    except BaseException:
        close()
        raise
