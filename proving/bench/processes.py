"""CPU time and memory of process trees, and the load of the machine, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM = 1, 11, 12
"""Fields of /proc/PID/stat, counted after the name of the program."""

Groups = Mapping[str, Sequence[int]]
"""Name of what is measured → the processes at the roots of its trees."""


def tree(roots: Iterable[int]) -> list[int]:
    """Return these processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if fields := _stat(pid):
            children.setdefault(int(fields[_PARENT]), []).append(pid)
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += children.get(pid, [])
    return found


@dataclass(frozen=True)
class Child:
    """A process that another one started, and the name that it goes by."""

    pid: int
    name: str


def children(parent: int) -> list[Child]:
    """Return what a process has started itself."""
    pids = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [Child(int(pid), Path(f"/proc/{pid}/comm").read_text().strip()) for pid in pids]


def cpu_seconds(groups: Groups) -> dict[str, float]:
    """Return the CPU time that each group has used since it began; processes that ended count no more."""
    return {name: sum(_cpu_of(pid) for pid in tree(roots)) for name, roots in groups.items()}


def pss_megabytes(groups: Groups) -> dict[str, float]:
    """Return the memory of each group, pages that several processes share counted in shares."""
    return {name: sum(_pss_of(pid) for pid in tree(roots)) / 1024 for name, roots in groups.items()}


def pss_megabytes_alone(groups: Groups) -> dict[str, float]:
    """Return the same without what descends from the processes."""
    return {name: sum(map(_pss_of, pids)) / 1024 for name, pids in groups.items()}


def machine_seconds() -> float:
    """Return the CPU time that all programs of the machine have used."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    values = [int(word) for word in words]
    idle, waiting = values[3], values[4]
    return (sum(values) - idle - waiting) / _TICKS


def load() -> float:
    """Return the average number of programs that wanted a processor in the last minute."""
    return os.getloadavg()[0]


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def _cpu_of(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS if fields else 0.0


def _pss_of(pid: int) -> int:
    """Return kilobytes; 0 for a process that ended or is another user's."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
