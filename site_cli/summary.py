"""What a run came to: hosts, slowest tasks, what failed and where, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from site_cli.event import Event

OK, FAILED, UNREACHABLE, PREFLIGHT, CANCELLED = 0, 2, 3, 4, 5
"""Exit codes: all is well; a host failed; one was not reached; a check beforehand refused; interrupted."""
_COLUMNS = ("ok", "changed", "failed", "unreachable", "skipped", "rescued")


@dataclass
class Summary:
    """A reporter that keeps what is worth telling at the end."""

    stats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    failures: list[Event] = field(default_factory=list)
    _seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Take note of `event`."""
        if event.kind in ("failed", "unreachable") and not event.ignored:
            self.failures.append(event)
        if event.kind == "stats":
            self.stats = event.stats
        if event.kind in ("ok", "failed"):
            self._seconds[event.task] = self._seconds.get(event.task, 0.0) + event.seconds

    def exit_code(self, status: str) -> int:
        """Return the exit code for a run that ended with the runner's `status`; hosts' counts decide."""
        if status == "canceled":
            return CANCELLED
        if any(counts["failed"] for counts in self.stats.values()):
            blamed = [event for event in self.blamed() if event.kind == "failed"]
            return PREFLIGHT if blamed and all(map(_is_preflight, blamed)) else FAILED
        if any(counts["unreachable"] for counts in self.stats.values()):
            return UNREACHABLE
        return OK if status == "successful" else FAILED

    def blamed(self) -> tuple[Event, ...]:
        """Return the failures that hosts ended with; what a rescue healed is none."""
        return tuple(
            event
            for event in self.failures
            if not self.stats
            or self.stats.get(event.host, {}).get("failed")
            or self.stats.get(event.host, {}).get("unreachable")
        )

    def slowest(self, count: int = 10) -> list[tuple[str, float]]:
        """Return the tasks that took longest, in seconds over all hosts."""
        return sorted(self._seconds.items(), key=lambda row: -row[1])[:count]

    def lines(self) -> Iterator[str]:
        """Yield the summary as text."""
        if self.stats:
            width = max(len("host"), *map(len, self.stats))
            yield "host".ljust(width) + "".join(name.rjust(13) for name in _COLUMNS)
            for host, counts in sorted(self.stats.items()):
                yield host.ljust(width) + "".join(str(counts[name]).rjust(13) for name in _COLUMNS)
        if self._seconds:
            yield ""
            yield "slowest tasks"
            yield from (f"{seconds:7.1f} s  {task}" for task, seconds in self.slowest())
        for event in self.blamed():
            yield ""
            yield f"{event.kind} on {event.host}: {event.task}"
            if event.where:
                yield f"  at {event.where}"
            yield from (f"  {line}" for line in event.message.splitlines()[-20:])


def _is_preflight(event: Event) -> bool:
    """Whether a check failed before anything was changed, in a preflight.yml or playbooks/hosts.yml."""
    return event.where.rpartition(":")[0].endswith(("/preflight.yml", "/playbooks/hosts.yml"))
