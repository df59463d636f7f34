"""`Target`: an endpoint to measure, with what is known of the processes and the database behind it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMPUTE = ("api", "metadata", "scheduler", "conductor", "compute")
"""The groups of processes that are the service itself; others are what it stands on."""
CONTROL_PLANE = COMPUTE[:4]


@dataclass(frozen=True)
class Target:
    """One endpoint. Only `label`, `url` and `token` are needed; what is not known is not measured."""

    label: str
    url: str
    """Up to the version, such as http://127.0.0.1:8774/v2.1."""
    token: Callable[[], str]
    image: str = ""
    flavor: str = "1"
    groups: Callable[[], Mapping[str, Sequence[int]]] = field(default=dict)
    """Returns group (see COMPUTE; others such as `mariadb`) → the processes of it that run now."""
    alone: Callable[[], Mapping[str, Sequence[int]]] = field(default=dict)
    """The same of processes that count without what descends from them: parents whose children are above."""
    connect: Callable[[], Any] | None = None
    """Opens a connection to the MariaDB server, by PyMySQL."""
    schemas: Sequence[str] = ("nova_api", "nova_cell0", "nova")
    """The databases that are the service's own."""
    placement_log: Path | None = None
    """Placement's log, in which it notes each request that it answers."""


def read_target(path: Path) -> Target:
    """Read a target from a TOML file, which keeps secrets off command lines.

    Keys: label, url, token (or token_file), image, flavor, schemas, mariadb (mysql://user:password@host:port),
    placement_log, and a table `pids`: group → list of processes. Raises OSError, ValueError, KeyError.
    """
    given: dict[str, Any] = tomllib.loads(path.read_text())
    pids: dict[str, list[int]] = given.get("pids", {})
    log = given.get("placement_log")
    return Target(
        label=given.get("label", path.stem),
        url=given["url"].rstrip("/"),
        token=lambda: given.get("token") or Path(given["token_file"]).read_text().strip(),
        image=given.get("image", ""),
        flavor=str(given.get("flavor", "1")),
        groups=lambda: pids,
        connect=_connector(given["mariadb"]) if "mariadb" in given else None,
        schemas=tuple(given.get("schemas", Target.schemas)),
        placement_log=Path(log) if log else None,
    )


def _connector(url: str) -> Callable[[], Any]:
    where = urlsplit(url)

    def connect() -> Any:
        import pymysql

        return pymysql.connect(
            host=where.hostname or "127.0.0.1",
            port=where.port or 3306,
            user=where.username or "",
            password=where.password or "",
            autocommit=True,
            connect_timeout=5,
        )

    return connect
