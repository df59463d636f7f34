"""Statements that each database spells in its own way, and documents in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, and_, false, literal, or_
from sqlalchemy.exc import IntegrityError

from compute_service.store.database import Tx
from compute_service.store.dialects import is_duplicate


def dump(value: Any) -> str:
    """Return a value as a JSON document."""
    return msgspec.json.encode(value).decode()


def dump_some(value: Any) -> str | None:
    """Return a value as a JSON document, or None when it is None or empty."""
    return dump(value) if value else None


def load_dict(document: str | None) -> dict[str, Any]:
    """Return a document that holds an object; empty when there is none."""
    found: dict[str, Any] = msgspec.json.decode(document) if document else {}
    return found


def insert_new(tx: Tx, table: Table, values: Mapping[str, Any]) -> int | None:
    """Insert a row unless one with the same unique key exists.

    Returns the new row's `id` (0 for a table without one), or None when there was a row already.
    """
    if tx.dialect == "postgresql":
        statement = _insert("postgresql", table).on_conflict_do_nothing()
        returned = tx.one(statement.returning(table.c.get("id", next(iter(table.c)))), values)
        if returned is None:
            return None
        return returned[0] if "id" in table.c and isinstance(returned[0], int) else 0
    try:
        result = tx.execute(table.insert(), values)
    except IntegrityError as error:
        if is_duplicate(tx.dialect, error):
            return None
        raise
    new = result.inserted_primary_key
    return new[0] if new and isinstance(new[0], int) else 0


def insert_all_new(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> bool:
    """Insert rows in one statement. False when one was there already: then others may be in, or not."""
    if tx.dialect == "postgresql":
        statement = _insert("postgresql", table).on_conflict_do_nothing().values(rows)
        return len(tx.all(statement.returning(next(iter(table.c))))) == len(rows)
    try:
        tx.execute(table.insert(), rows)
    except IntegrityError as error:
        if is_duplicate(tx.dialect, error):
            return False
        raise
    return True


def insert_missing(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose unique keys are new and pass over the others."""
    if not rows:
        return
    if tx.dialect == "postgresql":
        tx.execute(_insert("postgresql", table).on_conflict_do_nothing(), rows)
    elif tx.dialect == "sqlite":
        tx.execute(_insert("sqlite", table).on_conflict_do_nothing(), rows)
    else:
        first = next(iter(table.primary_key.columns))
        statement = _insert("mysql", table)
        tx.execute(statement.on_duplicate_key_update({first.name: first}), rows)


def upsert(tx: Tx, table: Table, rows: list[dict[str, Any]], keys: Iterable[str]) -> None:
    """Insert rows, or set all their other columns where a row with the same `keys` exists."""
    if not rows:
        return
    keyed = list(keys)
    changed = [name for name in rows[0] if name not in keyed] or keyed[:1]
    if tx.dialect == "mysql":
        mine = _insert("mysql", table)
        tx.execute(mine.on_duplicate_key_update({name: mine.inserted[name] for name in changed}), rows)
        return
    if tx.dialect == "postgresql":
        theirs = _insert("postgresql", table)
        tx.execute(
            theirs.on_conflict_do_update(
                index_elements=keyed, set_={name: theirs.excluded[name] for name in changed}
            ),
            rows,
        )
        return
    local = _insert("sqlite", table)
    tx.execute(
        local.on_conflict_do_update(
            index_elements=keyed, set_={name: local.excluded[name] for name in changed}
        ),
        rows,
    )


def _insert(dialect: str, table: Table) -> Any:
    """Return the INSERT that a database has beyond the standard's; those of others are not even loaded."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


def matches(dialect: str, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """Return the condition that a regular expression is found in a text, whatever the case.

    `^` and `$` stand for the ends of any line of the text.
    """
    if dialect == "postgresql":
        return column.op("~*", is_comparison=True)(f"(?n){pattern}")
    if dialect == "mysql":
        return column.op("REGEXP", is_comparison=True)(f"(?im){pattern}")
    return column.op("REGEXP", is_comparison=True)(pattern)


def ordered(
    dialect: str, column: ColumnElement[Any], descending: bool, sure: bool = False
) -> ColumnElement[Any]:
    """Return the sort term for a column, nothing being less than anything; `sure`: no row has nothing."""
    term = column.desc() if descending else column.asc()
    if dialect != "postgresql" or sure or not getattr(column, "nullable", True):
        return term
    return term.nulls_last() if descending else term.nulls_first()


def beyond(
    terms: list[tuple[ColumnElement[Any], bool, Any]],
) -> ColumnElement[bool]:
    """Return the condition that a row comes after a marker.

    `terms` are the sort columns, whether each descends, and the marker's value. Nothing (NULL) is less than
    anything, as `ordered` has it.
    """
    ways: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for column, descending, value in terms:
        after = _after(column, descending, value)
        if after is not None:
            ways.append(and_(*same, after))
        same.append(column.is_(None) if value is None else column == _bound(column, value))
    return or_(false(), *ways)


def _after(column: ColumnElement[Any], descending: bool, value: Any) -> ColumnElement[bool] | None:
    if value is None:
        return None if descending else column.is_not(None)
    if not descending:
        return column > _bound(column, value)
    nullable = getattr(column, "nullable", True)
    less = column < _bound(column, value)
    return or_(less, column.is_(None)) if nullable else less


def _bound(column: ColumnElement[Any], value: Any) -> ColumnElement[Any]:
    """Return a value as a parameter; a plain truth value could only be compared for equality."""
    return literal(value, column.type)
