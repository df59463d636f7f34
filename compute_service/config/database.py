"""[database] and [api_database]: where records are kept."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Database(Section):
    """Options of the sections [database] (the cell this host belongs to) and [api_database]."""

    connection: str | None = opt(
        None,
        "The database, as mysql+pymysql://user:password@host/name, postgresql+psycopg://… or sqlite:///path.",
        secret=True,
    )
    slave_connection: str | None = opt(
        None, "A read-only copy of the database, accepted and not yet used.", secret=True
    )
    connection_parameters: str = opt("", "Parameters appended to the connection, as name=value&name=value.")
    connection_recycle_time: int = opt(3600, "Seconds after which a connection is replaced.", min=-1)
    max_pool_size: int = opt(5, "Connections that each process keeps open; 0 is unlimited.", min=0)
    max_overflow: int = opt(50, "Connections opened beyond that under load.", min=-1)
    max_retries: int = opt(10, "How often connecting is tried again at start; -1 without end.", min=-1)
    retry_interval: int = opt(10, "Seconds between two such tries.", min=0)
    pool_timeout: int | None = opt(None, "Seconds to wait for a free connection; unset is 30.", min=0)
    mysql_sql_mode: str = opt("TRADITIONAL", "The SQL mode that MariaDB and MySQL are put in.")
    sqlite_synchronous: bool = opt(True, "Whether SQLite waits until data is on disk.")
    connection_debug: int = opt(0, "100 logs each statement.", min=0, max=100)
