"""Runs of ansible-playbook that are watched, and killed with all that they started where it is asked for."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proving.resilience.points import Point

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "playbooks/site.yml"
_TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$")
_RECAP = re.compile(r"^(\S+)\s+: (ok=\d+ .*)$")
_END = 6000
"""How many characters of a run's output are told when it failed."""


class Wrong(Exception):
    """What was not as it should be."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: killed at a task, or by itself with a code."""

    code: int
    killed: str
    """The task at which it was killed; empty when it came to an end."""
    tasks: int
    seconds: float
    log: Path
    recap: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def expect(self, unchanged: bool = False) -> None:
        """Raises Wrong with the end of the output unless the run passed, and changed nothing if asked."""
        if self.code or self.killed or not self.recap:
            raise Wrong(f"the run ended with {self.code}; its output ends with\n{self.output()[-_END:]}")
        changed = {host: counts["changed"] for host, counts in self.recap.items() if counts["changed"]}
        if unchanged and changed:
            raise Wrong(f"{told_changes(changed)}:\n{_changes(self.output())}")

    def output(self) -> str:
        """Return all that the run printed."""
        return self.log.read_text(errors="replace")


def told_changes(changed: Mapping[str, int]) -> str:
    """Return how many tasks changed something, by host."""
    return "nothing was to change, and did: " + ", ".join(
        f"{count} on {host}" for host, count in changed.items()
    )


def play(
    inventory: Path, log: Path, words: Sequence[str] = (), point: Point | None = None, limit: float = 1200
) -> Ended:
    """Run site.yml on an inventory, to its end or until a point; raises Wrong after `limit` seconds."""
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        str(inventory),
        *words,
        str(SITE),
    ]
    environment = _environment()
    # A task is told when it begins only where those that are skipped are told as well.
    environment["ANSIBLE_DISPLAY_SKIPPED_HOSTS"] = "1"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", buffering=1) as file:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        watched = _Watched(process, point)
        overdue = threading.Timer(limit, watched.kill, ("its limit of time",))
        overdue.start()
        try:
            for line in process.stdout or ():
                file.write(line)
                watched.see(line)
            code = process.wait()
        finally:
            overdue.cancel()
            watched.end()
    if watched.killed == "its limit of time":
        raise Wrong(f"a run took more than {limit:g} s; its output ends with\n{log.read_text()[-_END:]}")
    return Ended(code, watched.killed, watched.tasks, watched.seconds, log, watched.recap)


def count_tasks(inventory: Path) -> int:
    """Return how many tasks site.yml has."""
    program = Path(sys.executable).with_name("ansible-playbook")
    told = subprocess.run(  # noqa: S603
        [str(program), "-i", str(inventory), "--list-tasks", str(SITE)],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return told.stdout.count("TAGS: [") - told.stdout.count("\n  play #")


def _environment() -> dict[str, str]:
    plain = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    return {name: value for name, value in os.environ.items() if name != "ANSIBLE_FORCE_COLOR"} | plain


class _Watched:
    """What is known of a run while it goes on."""

    def __init__(self, process: subprocess.Popen[str], point: Point | None) -> None:
        self._process, self._point = process, point
        self._began = time.monotonic()
        self._shot: threading.Timer | None = None
        self._task = ""
        self.tasks, self.killed = 0, ""
        self.recap: dict[str, dict[str, int]] = {}

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def see(self, line: str) -> None:
        """Take one line of its output."""
        if begun := _TASK.match(line.rstrip("\n")):
            self.tasks += 1
            self._task = begun.group(1)
            if self._point and self._shot is None and self._point.reached(self.tasks, self._task):
                self._shot = threading.Timer(self._point.seconds, self.kill)
                self._shot.start()
        elif found := _RECAP.match(line):
            counts = (one.split("=") for one in found.group(2).split())
            self.recap[found.group(1)] = {name: int(count) for name, count in counts}

    def kill(self, told: str = "") -> None:
        """Kill it with all that it started, at once."""
        if self._process.poll() is None:
            self.killed = told or self._task
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Leave nothing of it behind."""
        if self._shot:
            self._shot.cancel()
            self._shot.join()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _changes(output: str) -> str:
    """Return which tasks of a run changed something."""
    task, found = "", []
    for line in output.splitlines():
        if begun := _TASK.match(line):
            task = begun.group(1)
        elif line.startswith("changed: "):
            found.append(f"  {task}: {line}")
    return "\n".join(found)
