"""What happens in a run of a playbook, as one kind of value that every reporter understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS: Mapping[str, str] = {
    "playbook_on_play_start": "play",
    "playbook_on_task_start": "task",
    "playbook_on_handler_task_start": "task",
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
    "runner_retry": "retry",
    "playbook_on_stats": "stats",
}
"""Names of Ansible's events, and ours."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `where` is `file:line`, `stats` are counts by host and outcome."""

    kind: str
    play: str = ""
    task: str = ""
    host: str = ""
    role: str = ""
    where: str = ""
    seconds: float = 0.0
    changed: bool = False
    ignored: bool = False
    message: str = ""
    unit: str = ""
    stats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def event_of(raw: Mapping[str, Any]) -> Event | None:
    """Return what an event of ansible-runner means; None for what nobody needs to know."""
    kind = KINDS.get(raw.get("event", ""))
    if kind is None:
        return None
    data = raw.get("event_data") or {}
    result = data.get("res")
    result = result if isinstance(result, Mapping) else {}
    told = kind in ("failed", "unreachable")
    return Event(
        kind=kind,
        play=str(data.get("play") or ""),
        task=str(data.get("task") or ""),
        host=str(data.get("host") or ""),
        role=str(data.get("role") or ""),
        where=str(data.get("task_path") or ""),
        seconds=float(data.get("duration") or 0.0),
        changed=bool(result.get("changed")),
        ignored=bool(data.get("ignore_errors")),
        message=_message(result) if told else "",
        unit=_unit(data, result) if told else "",
        stats=_stats(data) if kind == "stats" else {},
    )


def _message(result: Mapping[str, Any]) -> str:
    parts = [result.get(key) for key in ("msg", "stderr", "module_stderr", "censored")]
    return "\n".join(dict.fromkeys(str(part).strip() for part in parts if part))


def _unit(data: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    if str(data.get("task_action") or "").rpartition(".")[2] not in ("systemd_service", "systemd", "service"):
        return ""
    given = (result.get("invocation") or {}).get("module_args") or {}
    return str(given.get("name") or result.get("name") or "")


def _stats(data: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    names = {
        "ok": "ok",
        "changed": "changed",
        "failures": "failed",
        "dark": "unreachable",
        "skipped": "skipped",
        "rescued": "rescued",
    }
    hosts: dict[str, dict[str, int]] = {}
    for theirs, ours in names.items():
        for host, count in (data.get(theirs) or {}).items():
            hosts.setdefault(host, dict.fromkeys(names.values(), 0))[ours] = int(count)
    return hosts
