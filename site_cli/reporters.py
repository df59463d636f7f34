"""Who tells a person or a program what happens in a run."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from site_cli.event import Event


class Reporter(Protocol):
    """Is told of each event, in order."""

    def __call__(self, event: Event) -> None:
        """Take note of `event`."""


@dataclass
class PlainLines:
    """One line a task and host that changed or went wrong, with the time since the start."""

    out: TextIO
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def __call__(self, event: Event) -> None:
        """Print the line that `event` is worth, if any."""
        line = _plain(event)
        if line:
            minutes, seconds = divmod(int(self.clock() - self._began), 60)
            print(f"{minutes:02}:{seconds:02}  {line}", file=self.out, flush=True)


def _plain(event: Event) -> str:
    match event.kind:
        case "play":
            return f"== {event.play}"
        case "task":
            return f"   {event.task}"
        case "ok" if event.changed:
            return f"     {event.host}: changed ({event.seconds:.1f} s)"
        case "retry":
            return f"     {event.host}: not yet, trying again"
        case "failed" | "unreachable":
            first = event.message.partition("\n")[0]
            return f"     {event.host}: {event.kind}{', ignored' if event.ignored else ''}: {first}"
        case _:
            return ""


@dataclass
class Steps:
    """A line for each play and for what goes wrong; on a terminal, one that changes tells of the task."""

    out: TextIO
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def __call__(self, event: Event) -> None:
        """Print what `event` is worth."""
        minutes, seconds = divmod(int(self.clock() - self._began), 60)
        if event.kind == "play":
            self._print(f"{minutes:02}:{seconds:02}  {event.play}")
        elif event.kind in ("failed", "unreachable"):
            self._print(f"{minutes:02}:{seconds:02}{_plain(event)}")
        elif event.kind == "task" and self.out.isatty():
            print(
                f"\r\033[K{minutes:02}:{seconds:02}    {event.task[:70]}", end="", file=self.out, flush=True
            )
        elif event.kind == "stats" and self.out.isatty():
            print("\r\033[K", end="", file=self.out, flush=True)

    def _print(self, line: str) -> None:
        erase = "\r\033[K" if self.out.isatty() else ""
        print(f"{erase}{line}", file=self.out, flush=True)


@dataclass
class JsonLines:
    """Each event as one line of JSON."""

    out: TextIO

    def __call__(self, event: Event) -> None:
        """Print `event`."""
        print(json.dumps(dataclasses.asdict(event)), file=self.out, flush=True)
