"""Puts hosts in order, and keeps them so while one after another is picked from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest

from compute_service.scheduler.ask import Ask, HostView, Score
from compute_service.scheduler.weighers import WeigherEntry


@dataclass(slots=True)
class _Column:
    """One weigher's scores of all hosts."""

    score: Score
    multipliers: list[float] | None
    """By host, when aggregates give different ones."""
    multiplier: float
    floor: float | None
    raw: list[float]
    low: float = 0.0
    high: float = 0.0

    def bound(self) -> bool:
        """Find the lowest and highest score; returns whether they changed."""
        before = (self.low, self.high)
        self.low, self.high = min(self.raw), max(self.raw)
        if self.floor is not None:
            self.low = min(self.low, self.floor)
        return before != (self.low, self.high)

    def weight(self, index: int) -> float:
        if self.high == self.low:
            return 0.0
        multiplier = self.multiplier if self.multipliers is None else self.multipliers[index]
        return (self.raw[index] - self.low) * (multiplier / (self.high - self.low))


class Ranking:
    """Hosts by weight. Indexes are those of `views`."""

    def __init__(self, views: Sequence[HostView], weighers: Sequence[WeigherEntry], ask: Ask) -> None:
        self._views = views
        self._columns = [column for entry in weighers if (column := _column(views, entry, ask)) is not None]
        self.weights: list[float] = []
        for column in self._columns:
            column.bound()
        self._weigh_all()

    def update(self, index: int) -> None:
        """Score a host again, of which something was taken or given back."""
        moved = False
        for column in self._columns:
            old, new = column.raw[index], column.score(self._views[index])
            column.raw[index] = new
            if (old != new) and not (column.low < old < column.high and column.low <= new <= column.high):
                moved |= column.bound()
        if moved:
            self._weigh_all()
        else:
            weight = 0.0
            for column in self._columns:
                weight += column.weight(index)
            self.weights[index] = weight

    def _weigh_all(self) -> None:
        totals = [0.0] * len(self._views)
        for column in self._columns:
            span = column.high - column.low
            if not span:
                continue
            low = column.low
            if column.multipliers is None:
                scale = column.multiplier / span
                totals = [t + (raw - low) * scale for t, raw in zip(totals, column.raw, strict=True)]
            else:
                totals = [
                    t + (raw - low) * (m / span)
                    for t, m, raw in zip(totals, column.multipliers, column.raw, strict=True)
                ]
        self.weights = totals


def _column(views: Sequence[HostView], entry: WeigherEntry, ask: Ask) -> _Column | None:
    multiplier = entry.sign * entry.multiplier(ask.settings)
    multipliers: list[float] | None = None
    if entry.option in ask.fleet.keys:
        multipliers = [
            entry.sign * min(given) if (given := view.host.numbers(entry.option)) else multiplier
            for view in views
        ]
    if not (any(multipliers) if multipliers else multiplier):
        return None
    score = entry.weigher(ask)
    if score is None or not views:
        return None
    return _Column(score, multipliers, multiplier, entry.floor, list(map(score, views)))


def draw(
    among: Sequence[int], weights: Sequence[float], subset: int, shuffle: bool, chance: random.Random
) -> int:
    """Return one of the best `subset` hosts; with `shuffle`, equally good ones have equal chances."""
    if not shuffle and subset <= 1:
        return max(among, key=weights.__getitem__)
    best = max(weights[index] for index in among)
    if shuffle:
        equals = [index for index in among if weights[index] == best]
        if subset <= 1 or len(equals) >= subset:
            return chance.choice(equals)
    return chance.choice(nlargest(subset, among, key=weights.__getitem__))
