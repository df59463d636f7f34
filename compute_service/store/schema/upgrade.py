"""Bring a database's schema to a revision, and tell which it is at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from compute_service.domain.errors import Invalid, Unavailable
from compute_service.store.database import Database, EngineOptions

LOG = logging.getLogger(__name__)

Which = Literal["api", "cell"]
"""The two trees of revisions."""

LOCK_SECONDS = 120
"""How long one process waits for another one that is at the same schema."""
STATEMENT_SECONDS = 3600
"""How long one change of a big table may take."""
_LOCK_NUMBER = 7411


def sync(url: str, which: Which, version: str | None = None) -> str:
    """Bring the database at `url` up to a revision (by default the newest) and return the revision it is at.

    Repeating changes nothing; of several processes one works and the others wait. Raises Invalid for an
    unknown revision or one that lies behind, Unavailable when the database does not answer.
    """
    patient = EngineOptions(lock_timeout=LOCK_SECONDS, statement_timeout=STATEMENT_SECONDS)
    database = Database(which, url, patient)
    try:
        return sync_database(database, which, version)
    finally:
        database.close()


def sync_database(database: Database, which: Which, version: str | None = None) -> str:
    """Do as `sync` for an open database, such as one in memory."""
    config = _config(which)
    target = _checked(config, version or "head")
    with database.connection() as connection, _alone(connection):
        present = _present(connection)
        if present is not None and present >= target:
            if version is not None and present > target:
                raise Invalid(f"The {which} database is at revision {present} already; there is no way down.")
            return present
        config.attributes["connection"] = connection
        command.upgrade(config, target)
        LOG.info("%s database: schema brought from %s to %s", which, present or "nothing", target)
        return target


def version(url: str, which: Which) -> str | None:
    """Return the revision a database is at, or None when it has no schema. Raises Unavailable."""
    database = Database(which, url)
    try:
        with database.connection() as connection:
            return _present(connection)
    finally:
        database.close()


def newest(which: Which) -> str:
    """Return the newest revision there is."""
    return _checked(_config(which), "head")


def _config(which: Which) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / which).replace("%", "%%"))
    return config


def _checked(config: Config, version: str) -> str:
    try:
        revision = ScriptDirectory.from_config(config).get_revision(version)
    except CommandError as error:
        raise Invalid(f"{version} is not a revision of this schema.") from error
    if revision is None:
        raise Invalid(f"{version} is not a revision of this schema.")
    return revision.revision


def _present(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keep other processes from the schema; where the database can, make the whole change one transaction."""
    if connection.dialect.name == "mysql":
        name = {"name": f"stratus-schema:{connection.engine.url.database}"[:64]}
        if not connection.execute(text(f"SELECT GET_LOCK(:name, {LOCK_SECONDS})"), name).scalar():
            raise Unavailable("Another process is still at the schema.")
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")
    try:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})")
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")
