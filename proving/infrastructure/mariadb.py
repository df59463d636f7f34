"""A MariaDB server."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

from proving.ports import free_port
from proving.process import Launch, Process, program, secret_file

_PACKAGE = "mariadb-server"
_SETUP_SECONDS = 60.0
_CONNECTIONS = 600


class MariaDb(Process):
    """Serves 127.0.0.1 with its data in `folder`. What was committed survives a kill, not a power cut."""

    def __init__(self, folder: Path, port: int | None = None, name: str = "mariadb") -> None:
        """Make the data directory. Raises Missing."""
        server = program("mariadbd", _PACKAGE)
        install = program("mariadb-install-db", _PACKAGE)
        self.port = port or free_port()
        self._password = secrets.token_hex(16)
        owner = ["--user=root"] if os.geteuid() == 0 else []
        data = folder / "data"
        first = secret_file(
            folder / "first.sql",
            f"CREATE USER IF NOT EXISTS stratus@'127.0.0.1' IDENTIFIED BY '{self._password}';\n"
            "GRANT ALL ON *.* TO stratus@'127.0.0.1';\n",
        )
        subprocess.run(  # noqa: S603
            [install, "--no-defaults", f"--datadir={data}", "--skip-test-db", *owner],
            check=True,
            capture_output=True,
            timeout=_SETUP_SECONDS,
            # Two that share one trip over each other's temporary tables.
            env=os.environ | {"TMPDIR": str(folder)},
        )
        settings = {
            "datadir": data,
            "tmpdir": folder,
            "socket": folder / "s",
            "pid-file": folder / "pid",
            "port": self.port,
            "init-file": first,
            "bind-address": "127.0.0.1",
            "innodb-flush-log-at-trx-commit": 2,
            "innodb-buffer-pool-size": "256M",
            "max-connections": _CONNECTIONS,
            "character-set-server": "utf8mb4",
            "collation-server": "utf8mb4_general_ci",
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        command = [server, "--no-defaults", *words, "--skip-name-resolve", *owner]
        super().__init__(name, folder / "log", Launch(command), self._answers)

    def url(self, database: str, charset: str = "utf8") -> str:
        """Return the address of a database, as SQLAlchemy takes it."""
        where = f"stratus:{self._password}@127.0.0.1:{self.port}"
        return f"mysql+pymysql://{where}/{database}?charset={charset}"

    def create(self, *databases: str) -> None:
        """Make empty databases."""
        with self.connect() as connection, connection.cursor() as cursor:
            for name in databases:
                cursor.execute(f"CREATE DATABASE {name}")

    def connect(self, database: str | None = None) -> Any:
        """Return a connection of PyMySQL's."""
        import pymysql

        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="stratus",
            password=self._password,
            database=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _answers(self) -> bool:
        import pymysql

        try:
            self.connect().close()
        except pymysql.Error:
            return False
        return True
