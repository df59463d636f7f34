"""A PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from proving.ports import free_port
from proving.process import Launch, Missing, Process, program, secret_file

_SETUP_SECONDS = 60.0


class PostgreSql(Process):
    """Serves 127.0.0.1 and keeps its data in `folder`. What was committed survives a kill, not a power cut.

    It refuses to be root's: then it is another user's, who may not be let into `folder`. So its data is in a
    folder of its own, which `close` removes.
    """

    def __init__(self, folder: Path, port: int | None = None, name: str = "postgresql") -> None:
        """Make the data directory. Raises Missing."""
        initdb = program("initdb", "postgresql", *_directories())
        server = Path(initdb).resolve().with_name("postgres")
        self.port = port or free_port()
        self._password = secrets.token_hex(16)
        user = _unprivileged()
        self._place = Path(tempfile.mkdtemp(prefix="stratus-postgresql-"))
        data, word = self._place / "data", secret_file(self._place / "secret", self._password)
        if user is not None:
            for path in (self._place, word):
                shutil.chown(path, user, user)
        # A language's order on purpose: columns have to sort by code point all the same.
        order = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--encoding=UTF8"]
        access = ["--username=stratus", f"--pwfile={word}", "--auth=scram-sha-256"]
        subprocess.run(  # noqa: S603
            [initdb, f"--pgdata={data}", "--no-sync", *access, *order],
            check=True,
            capture_output=True,
            timeout=_SETUP_SECONDS,
            cwd=self._place,
            user=user,
            group=user,
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 400,
            "fsync": "off",
            "full_page_writes": "off",
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        launch = Launch([str(server), "-D", str(data), *words], folder=self._place, user=user)
        super().__init__(name, folder / "log", launch, self._answers)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """Stop it. SIGTERM would wait until all clients have left; what is meant is to stop in good order."""
        return super().stop(signal.SIGINT if number == signal.SIGTERM else number, seconds)

    def close(self) -> None:
        """End it, and remove its data."""
        super().close()
        shutil.rmtree(self._place, ignore_errors=True)

    def url(self, database: str) -> str:
        """Return the address of a database, as SQLAlchemy takes it."""
        return f"postgresql://stratus:{self._password}@127.0.0.1:{self.port}/{database}"

    def create(self, *databases: str) -> None:
        """Make empty databases."""
        with self.connect() as connection:
            for name in databases:
                connection.execute(f"CREATE DATABASE {name}")

    def connect(self, database: str = "postgres") -> Any:
        """Return a connection of psycopg's."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="stratus",
            password=self._password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _answers(self) -> bool:
        import psycopg

        try:
            self.connect().close()
        except psycopg.Error:
            return False
        return True


def _directories() -> list[Path]:
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    return sorted(versions, key=lambda path: -float(path.parent.name))


def _unprivileged() -> str | None:
    """Return a user to run as who is not root, or None when we are not. Raises Missing."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise Missing("PostgreSQL does not run as root, and there is no other user")
