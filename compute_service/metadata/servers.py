"""Where the metadata service finds servers: in all cells, or in the one it belongs to."""

from __future__ import annotations

from typing import Protocol

from compute_service.domain.errors import Unavailable
from compute_service.store.database import Database
from compute_service.store.engine import Store
from compute_service.store.instances import instance_get
from compute_service.store.servers import Located, server_locate


class Servers(Protocol):
    """Finds servers by UUID."""

    def find(self, uuid: str) -> Located | None:
        """Return a server and the name of its database; None when there is none.

        Raises Unavailable when a database does not answer.
        """

    def database(self, name: str) -> Database:
        """Return a database that `find` named."""

    def ping(self) -> None:
        """Raise when the database that is asked first does not answer."""

    def close(self) -> None:
        """Let go of all connections."""


class AllCells:
    """The servers of every cell: one statement for where a server is, and one for the server."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, uuid: str) -> Located | None:
        """Return a server and the name of its database."""
        return server_locate(self._store, uuid)

    def database(self, name: str) -> Database:
        """Return a database by its name."""
        return self._store.database(name)

    def ping(self) -> None:
        """Ask the API database for an answer."""
        with self._store.api.read() as tx:
            tx.ping()

    def close(self) -> None:
        """Let go of all connections."""
        self._store.close()


class OneCell:
    """The servers of one cell, for `local_metadata_per_cell`: the API database is not needed."""

    def __init__(self, cell: Database) -> None:
        self._cell = cell

    def find(self, uuid: str) -> Located | None:
        """Return a server of this cell."""
        with self._cell.read() as tx:
            found = instance_get(tx, uuid)
        return None if found is None else Located(database=self._cell.name, instance=found)

    def database(self, name: str) -> Database:
        """Return the cell's database. Raises Unavailable for another name."""
        if name != self._cell.name:
            raise Unavailable(f"Database {name} is not of this cell.")
        return self._cell

    def ping(self) -> None:
        """Ask the cell's database for an answer."""
        with self._cell.read() as tx:
            tx.ping()

    def close(self) -> None:
        """Let go of all connections."""
        self._cell.close()
