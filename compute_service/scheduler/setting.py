"""Options that are lists of weights."""

from __future__ import annotations

from collections.abc import Iterable


def weights_of(setting: Iterable[str]) -> list[tuple[str, float]]:
    """Read `name=weight` items. Raises ValueError for any other."""
    return [_weight(item) for item in setting]


def _weight(item: str) -> tuple[str, float]:
    name, _, weight = item.partition("=")
    try:
        if name.strip():
            return name.strip(), float(weight)
    except ValueError:
        pass
    raise ValueError(f"'{item}' is not of the form name=weight")
