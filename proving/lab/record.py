"""What labs there are: a folder a lab, with a record that is written before anything of the lab is made.

So whatever becomes of the process that makes a lab, all of it can be found and removed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from proving.lab.locks import locked
from proving.lab.machine import state_folder
from proving.lab.network import SLOTS, forwards, slot_is_free, stop_forwarding
from proving.lab.plan import LabPlan


@dataclass(frozen=True)
class Owner:
    """A process for whose life a lab is."""

    pid: int
    began: str
    """When it started, by the kernel's count: another process may have the number later."""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return _began(self.pid) == self.began


@dataclass(frozen=True)
class Record:
    """One lab. Without an owner it stays until it is destroyed."""

    name: str
    slot: int
    plan: LabPlan
    owner: Owner | None

    @property
    def abandoned(self) -> bool:
        """Whether the process that it was for is gone."""
        return self.owner is not None and not self.owner.alive

    @property
    def folder(self) -> Path:
        """Where all of it is."""
        return state_folder() / "labs" / self.name


def this_process() -> Owner:
    """Return the process that we are."""
    return Owner(os.getpid(), _began(os.getpid()))


def records() -> list[Record]:
    """Return all labs there are, by name."""
    files = sorted((state_folder() / "labs").glob("*/lab.json"))
    return [record for record in map(_read, files) if record is not None]


def claim(name: str, plan: LabPlan) -> Record:
    """Note a new lab, ours while it is made. Raises FileExistsError when there is one of that name."""
    with locked(state_folder() / "lock"):
        there = records()
        if any(record.name == name for record in there):
            raise FileExistsError(f"there is a lab {name} already")
        taken = {record.slot for record in there}
        free = (slot for slot in range(SLOTS) if slot not in taken and slot_is_free(slot))
        slot = next(free, None)
        if slot is None:
            raise OSError("no addresses are free for another lab")
        made = Record(name, slot, plan, this_process())
        made.folder.mkdir(parents=True, exist_ok=True)
        if plan.uplink and not forwards():
            (state_folder() / "forwards").touch()
        _write(made)
        return made


def keep(record: Record) -> Record:
    """Let a lab outlive this process."""
    kept = replace(record, owner=None)
    _write(kept)
    return kept


def release(record: Record) -> None:
    """Forget a lab of which nothing is left but its record."""
    with locked(state_folder() / "lock"):
        (record.folder / "lab.json").unlink(missing_ok=True)
        record.folder.rmdir()
        mark = state_folder() / "forwards"
        if mark.exists() and not any(other.plan.uplink for other in records()):
            stop_forwarding()
            mark.unlink()


def _write(record: Record) -> None:
    file = record.folder / "lab.json"
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    part.rename(file)


def _read(file: Path) -> Record | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record)
    except FileNotFoundError:
        return None


def _began(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A process that has ended but was not yet waited for is gone all the same.
    return "" if fields[0] in "ZX" else fields[19]
