"""The table that comes out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from proving.bench.measures import Figure


def table(labels: Sequence[str], columns: Sequence[Sequence[Figure]], markdown: bool = False) -> str:
    """Return measures as lines and endpoints as columns; beside each value the load of the machine then."""
    names = list(dict.fromkeys(figure.measure for column in columns for figure in column))
    by_name = [{figure.measure: figure for figure in column} for column in columns]
    rows = [["measure", *labels]]
    rows += [[name, *(_cell(column.get(name)) for column in by_name)] for name in names]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    return figure.value if math.isnan(figure.load) else f"{figure.value} [load {figure.load:.1f}]"
