"""Comparing the form of two JSON values: keys and types, never values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

FREE = dict.fromkeys(("metadata", "extra_specs", "properties", "scheduler_hints", "addresses", "meta"), 1) | {
    "hosts": 2
}
"""Objects whose keys are names that somebody gave, and how deep: only what they hold is compared."""


def kind(value: Any) -> str:
    """Return the JSON type of a value; all numbers are alike."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def differences(ours: Any, theirs: Any, may: Collection[str] = (), at: str = "", free: int = 0) -> list[str]:
    """Return where our value has another form than theirs. A null may stand for anything.

    Keys in `may` are compared where both have them, and missed in neither. Each item of a list must be like
    one of theirs. Of an object that is `free`, to that depth,
    the values alone are compared.
    """
    if ours is None or theirs is None:
        return []
    if kind(ours) != kind(theirs):
        return [f"{at}: {kind(ours)} instead of {kind(theirs)}"]
    if isinstance(ours, list):
        return _of_lists(ours, theirs, may, at)
    return _of_objects(ours, theirs, may, at, free) if isinstance(ours, dict) else []


def _of_lists(ours: list[Any], theirs: list[Any], may: Collection[str], at: str) -> list[str]:
    found = []
    for item in ours if theirs else ():
        found += min((differences(item, sample, may, f"{at}[]") for sample in theirs), key=len)
    return found


def _of_objects(
    ours: dict[str, Any], theirs: dict[str, Any], may: Collection[str], at: str, free: int
) -> list[str]:
    if free:
        samples = list(theirs.values())[:1]
        return [
            line
            for key, value in ours.items()
            for sample in samples
            for line in differences(value, sample, may, f"{at}.{key}", free - 1)
        ]
    found = [f"{at}.{key}: missing" for key in sorted(theirs.keys() - ours.keys()) if key not in may]
    found += [f"{at}.{key}: too much" for key in sorted(ours.keys() - theirs.keys()) if key not in may]
    for key in sorted(theirs.keys() & ours.keys()):
        found += differences(ours[key], theirs[key], may, f"{at}.{key}", FREE.get(key, 0))
    return found
