"""A PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from proving.ports import free_port
from proving.process import Launch, Missing, Process, program, secret_file

_SETUP_SECONDS = 60.0


class PostgreSql(Process):
    """Serves 127.0.0.1 and keeps its data in `folder`. What was committed survives a kill, not a power cut.

    It refuses to be root's: then the folder is given to another user.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """Make the data directory. Raises Missing."""
        initdb = program("initdb", "postgresql", *_directories())
        server = Path(initdb).resolve().with_name("postgres")
        self.port = port or free_port()
        self._password = secrets.token_hex(16)
        user = _unprivileged()
        data, word = folder / "data", secret_file(folder / "secret", self._password)
        if user is not None:
            shutil.chown(folder, user, user)
            shutil.chown(word, user, user)
            _let_through(folder)
        # A language's order on purpose: columns have to sort by code point all the same.
        order = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--encoding=UTF8"]
        access = ["--username=stratus", f"--pwfile={word}", "--auth=scram-sha-256"]
        subprocess.run(  # noqa: S603
            [initdb, f"--pgdata={data}", "--no-sync", *access, *order],
            check=True,
            capture_output=True,
            timeout=_SETUP_SECONDS,
            cwd=folder,
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
        launch = Launch([str(server), "-D", str(data), *words], folder=folder, user=user)
        super().__init__("postgresql", folder / "log", launch, self._answers)

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


def _let_through(folder: Path) -> None:
    """Let other users pass, not look, on the way to a folder, as far as the way is ours."""
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if mode & 0o001:
            continue
        parent.chmod(mode | 0o001)
