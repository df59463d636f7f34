"""`Meter`: what a stretch of time cost, by group of processes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

from proving.bench.processes import cpu_seconds, load, machine_seconds
from proving.bench.target import COMPUTE, Target


@dataclass(frozen=True)
class Cost:
    """What one stretch cost."""

    seconds: float
    cpu: dict[str, float]
    """Group → CPU seconds."""
    others: float
    """Share of the machine's processors that programs outside of all groups used."""
    placement_calls: int
    load: float

    @property
    def total(self) -> float:
        """CPU seconds of all groups."""
        return sum(self.cpu.values())

    @property
    def own(self) -> float:
        """CPU seconds of the service's own groups."""
        return sum(self.cpu.get(name, 0.0) for name in COMPUTE)


class Meter:
    """Measures from `with` to its end; then `cost` is there."""

    cost: Cost

    def __init__(self, target: Target) -> None:
        self._target = target

    def __enter__(self) -> Self:
        self._calls = self._answered()
        self._machine = machine_seconds()
        self._cpu = cpu_seconds(self._target.groups())
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._began
        after = cpu_seconds(self._target.groups())
        cpu = {name: used - self._cpu.get(name, 0.0) for name, used in after.items()}
        others = max(0.0, machine_seconds() - self._machine - sum(cpu.values())) / seconds
        self.cost = Cost(seconds, cpu, others, self._answered() - self._calls, load())

    def _answered(self) -> int:
        log = self._target.placement_log
        if log is None:
            return 0
        with log.open("rb") as file:
            return sum(b"placement.requestlog" in line for line in file)
