"""Tables on a terminal, framed as this field's tools frame them, and the same rows as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


class Table:
    """Headings and rows. Cells of any kind; None shows as nothing."""

    def __init__(self, headings: Sequence[str], rows: Iterable[Sequence[Any]] = ()) -> None:
        self.headings = tuple(headings)
        self.rows = [tuple(row) for row in rows]

    def __str__(self) -> str:
        """Every column as wide as its widest cell, everything in the middle of its column."""
        lines = [self.headings, *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[n]) for line in lines) for n in range(len(self.headings))]
        rule = "+".join(["", *("-" * (width + 2) for width in widths), ""])
        text = [
            "".join(f"| {cell.center(width)} " for cell, width in zip(line, widths, strict=True)) + "|"
            for line in lines
        ]
        return "\n".join([rule, text[0], rule, *text[1:], rule])

    def to_json(self) -> str:
        """A list of objects, with the headings in small letters as their keys."""
        keys = [heading.lower().replace(" ", "_") for heading in self.headings]
        return json.dumps([dict(zip(keys, row, strict=True)) for row in self.rows], indent=2, default=str)


def _shown(cell: Any) -> str:
    return "" if cell is None else str(cell)


def framed(heading: str, blocks: Iterable[Sequence[str]]) -> str:
    """Return one column: a heading, then blocks of lines with a rule under each, all to the left."""
    parts = [(heading,), *blocks]
    width = max(len(line) for part in parts for line in part)
    rule = f"+{'-' * (width + 2)}+"
    text = [rule]
    for part in parts:
        text += [f"| {line.ljust(width)} |" for line in part]
        text.append(rule)
    return "\n".join(text)
