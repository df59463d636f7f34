"""What is kept of a run, for the report: its outcome, what each role took, what was checked; no secrets."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from site_cli.event import Event
from site_cli.redact import redacted, secrets_of
from site_cli.run import site_folder

KEPT = 20
"""How many runs are kept of a site."""


@dataclass(frozen=True, slots=True)
class Check:
    """One task on one host: `outcome` is ok, failed, ignored or unreachable."""

    task: str
    host: str
    outcome: str
    seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a playbook; `seconds` and those of `parts` are wall time, `began` is ISO 8601 in UTC."""

    playbook: str
    began: str
    seconds: float
    code: int
    parts: Mapping[str, float] = field(default_factory=dict)
    hosts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()


@dataclass
class Recorder:
    """A reporter that measures what each role takes, or play outside of roles, and notes tasks' outcomes."""

    playbook: str
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _parts: dict[str, float] = field(default_factory=dict)
    _checks: list[Check] = field(default_factory=list)
    _hosts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _part: str = ""

    def __post_init__(self) -> None:
        self._began = self._mark = self.clock()
        self._when = self.now().isoformat(timespec="seconds")

    def __call__(self, event: Event) -> None:
        """Take note of `event`."""
        if event.kind in ("play", "task"):
            self._turn(event.role or event.play)
        elif event.kind == "stats":
            self._turn("")
            self._hosts = event.stats
        elif event.kind in ("ok", "failed", "unreachable"):
            outcome = "ignored" if event.ignored else event.kind
            self._checks.append(Check(event.task, event.host, outcome, event.seconds, event.message))

    def run(self, code: int) -> Run:
        """Return what the run came to, now that it has ended with this exit code."""
        self._turn("")
        seconds = self.clock() - self._began
        return Run(
            self.playbook,
            self._when,
            seconds,
            code,
            dict(self._parts),
            dict(self._hosts),
            tuple(self._checks),
        )

    def _turn(self, part: str) -> None:
        """Let the time since the last turn be that of the part which ends, and begin another."""
        now = self.clock()
        if self._part:
            self._parts[self._part] = self._parts.get(self._part, 0.0) + now - self._mark
        self._part, self._mark = part, now


def keep(inventory: Path, run: Run) -> Path:
    """Write a run beside what else is kept of its site, and forget the oldest; returns the file.

    Ansible hides what a task says that handles secrets; should one still tell some, it is taken out here.
    """
    secrets = secrets_of(inventory)
    clean = (dataclasses.replace(one, message=redacted(one.message, secrets)) for one in run.checks)
    run = dataclasses.replace(run, checks=tuple(clean))
    folder = site_folder(inventory) / "runs"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{run.began.replace(':', '').replace('+0000', 'Z')}-{run.playbook}.json"
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(dataclasses.asdict(run)))
    part.rename(file)
    for old in sorted(folder.glob("*.json"))[:-KEPT]:
        old.unlink()
    return file


def runs(inventory: Path) -> tuple[Run, ...]:
    """Return the runs that are kept of a site, the oldest first; a file that is no run is passed over."""
    files = sorted((site_folder(inventory) / "runs").glob("*.json"))
    return tuple(run for run in map(_read, files) if run is not None)


def _read(file: Path) -> Run | None:
    try:
        told: dict[str, Any] = json.loads(file.read_text())
        checks = tuple(Check(**check) for check in told.pop("checks"))
        return Run(**told, checks=checks)
    except (OSError, ValueError, TypeError, KeyError):
        return None
