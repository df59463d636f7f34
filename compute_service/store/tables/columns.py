"""Column types that behave alike on SQLite, MariaDB and PostgreSQL.

Text is compared by code point everywhere, as Python compares it: results of several databases are merged by
the same order in which each sorted its own, and no database folds case where another does not.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

API = MetaData()
"""The tables of the API database."""
CELL = MetaData()
"""The tables of a cell's database."""

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
"""Table options for MariaDB and MySQL."""


def text(length: int = 255) -> TypeEngine[str]:
    """A short text, sorted by code point."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def document() -> TypeEngine[str]:
    """JSON or another long text, read and written whole."""
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def moment() -> TypeEngine[Any]:
    """A naive UTC time with microseconds."""
    return DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def big() -> TypeEngine[int]:
    """A 64-bit integer that SQLite can number by itself."""
    return BigInteger().with_variant(Integer(), "sqlite")


def key() -> Column[int]:
    """The integer primary key `id`."""
    return Column("id", big(), primary_key=True, autoincrement=True)


def epoch(name: str, nullable: bool = False) -> Column[float]:
    """Seconds since the epoch."""
    default = None if nullable else "0"
    return Column(name, Double(), nullable=nullable, server_default=default)


def flag(name: str, default: bool = False) -> Column[bool]:
    """A truth value."""
    from sqlalchemy import false, true

    return Column(name, Boolean(), nullable=False, server_default=true() if default else false())


def number(name: str, default: int = 0) -> Column[int]:
    """A 32-bit integer that is always there."""
    return Column(name, Integer(), nullable=False, server_default=str(default))


def shadow(table: Table) -> Table:
    """Return the twin that takes a table's archived rows: same columns, no constraint but the key."""
    twin = Table(
        f"shadow_{table.name}",
        table.metadata,
        *(
            Column(c.name, c.type, primary_key=c.primary_key, nullable=not c.primary_key, autoincrement=False)
            for c in table.columns
        ),
        **MYSQL,
    )
    if "deleted_at" in twin.c:
        Index(f"shadow_{table.name}_deleted_at", twin.c.deleted_at)
    return twin
