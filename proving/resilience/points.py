"""Where runs of a playbook are killed: at a task by its number or its name, and some seconds later."""

from __future__ import annotations

import random
from dataclasses import dataclass

_MOST_SECONDS = 2.0
"""A task is killed within this time of its beginning: most take about one second."""


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of a run: so many seconds after a task has begun, the one of that number or of that name."""

    task: int = 0
    name: str = ""
    seconds: float = 0.0

    def reached(self, number: int, name: str) -> bool:
        """Tell whether this is the task; `number` counts from 1."""
        return self.name in name if self.name else number >= self.task

    def __str__(self) -> str:
        return f"{self.name or f'task {self.task}'} + {self.seconds:.1f} s"


def drawn(seed: int, count: int, tasks: int) -> list[Point]:
    """Return points of a run of so many tasks: one in each of as many equal parts of it, at random."""
    luck = random.Random(seed)  # noqa: S311
    part = tasks / count
    return [
        Point(task=1 + int(part * (index + luck.random())), seconds=luck.uniform(0, _MOST_SECONDS))
        for index in range(count)
    ]


def named(text: str) -> Point:
    """Return the point that `NAME` or `NAME:SECONDS` says."""
    name, _, seconds = text.rpartition(":")
    if name and seconds.replace(".", "", 1).isdigit():
        return Point(name=name, seconds=float(seconds))
    return Point(name=text)
