"""The hint `query`: an expression over a host's attributes, written as JSON lists.

`["and", [">=", "$free_ram_mb", 1024], [">=", "$free_disk_mb", 204800]]`. The operators are `=`, `<`, `>`,
`<=`, `>=` (each compares the first argument with every other), `in`, `not`, `and` and `or`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import msgspec

from compute_service.scheduler.ask import Ask, HostView, Test

_MOST_DEPTH = 32


def json_query(ask: Ask) -> Test | None:
    """Pass hosts for which the hint `query` holds."""
    query = ask.request.hints.get("query")
    if not query:
        return None
    try:
        tree = msgspec.json.decode(query) if isinstance(query, str | bytes) else query
        _check(tree, 0)
    except (msgspec.DecodeError, _Misformed) as error:
        why = f"the hint query is not understood: {error}"
        return lambda view: why

    def test(view: HostView) -> str | None:
        try:
            found = _value(tree, view)
        except TypeError:
            return "the hint query compares what cannot be compared"
        return None if _holds(found) else "the hint query does not hold"

    return test


class _Misformed(ValueError):
    """An expression that no host can be put to."""


def _check(tree: Any, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise _Misformed("it is nested too deeply")
    if isinstance(tree, dict):
        raise _Misformed("it holds an object")
    if isinstance(tree, list) and tree:
        if not isinstance(tree[0], str):
            raise _Misformed("a list begins with no operator")
        if tree[0] not in _VERBS:
            raise _Misformed(f"there is no operator {tree[0][:16]!r}")
        for part in tree[1:]:
            _check(part, depth + 1)


def _value(tree: Any, view: HostView) -> Any:
    if isinstance(tree, list):
        return _VERBS[tree[0]]([_value(part, view) for part in tree[1:]]) if tree else True
    if isinstance(tree, str) and tree.startswith("$"):
        return view.attribute(tree[1:].split("."))
    return tree


def _holds(found: Any) -> bool:
    return any(found) if isinstance(found, list) else bool(found)


def _each(verb: Callable[[Any, Any], Any]) -> Callable[[list[Any]], bool]:
    def compare(given: list[Any]) -> bool:
        return len(given) > 1 and all(verb(given[0], other) for other in given[1:])

    return compare


_VERBS: dict[str, Callable[[list[Any]], Any]] = {
    "=": _each(operator.eq),
    "<": _each(operator.lt),
    ">": _each(operator.gt),
    "<=": _each(operator.le),
    ">=": _each(operator.ge),
    "in": lambda given: len(given) > 1 and given[0] in given[1:],
    "not": lambda given: [not _holds(one) for one in given],
    "or": lambda given: any(_holds(one) for one in given),
    "and": lambda given: all(_holds(one) for one in given),
}
