"""The rules of the bundle: what tasks may not do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
BLOCKS = ("block", "rescue", "always")
LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers", *BLOCKS)
SHELLS = {
    "ansible.builtin.shell", "ansible.builtin.raw", "ansible.builtin.script", "ansible.builtin.expect",
}  # fmt: skip
WORDS = {
    "name", "when", "register", "loop", "loop_control", "until", "retries", "delay", "become", "become_user",
    "changed_when", "failed_when", "check_mode", "delegate_to", "delegate_facts", "environment", "no_log",
    "notify", "listen", "tags", "vars", "args", "run_once", "throttle", "timeout", "diff", "any_errors_fatal",
    "connection", "ignore_unreachable",
}  # fmt: skip
"""What a task says beside its module. Not among them: ignore_errors."""
FILES = sorted(
    path
    for folder in ("roles", "playbooks", "molecule")
    for path in (ROOT / folder).rglob("*.yml")
    if path.parent.name in ("tasks", "handlers", "playbooks") or path.parent.parent.name == "molecule"
)
TASKS: list[tuple[str, dict[str, Any]]] = []


def tasks(found: Any) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a list of plays, tasks or blocks."""
    for one in found or ():
        if not isinstance(one, dict):
            continue
        if any(word in one for word in LISTS) or "hosts" in one:
            for word in LISTS:
                yield from tasks(one.get(word))
        elif "ansible.builtin.import_playbook" not in one:
            yield one


for _path in FILES:
    _read = yaml.safe_load(_path.read_text())
    if isinstance(_read, list):
        TASKS += [(str(_path.relative_to(ROOT)), task) for task in tasks(_read)]


def module(task: dict[str, Any]) -> str:
    names = [word for word in task if word not in WORDS]
    assert len(names) == 1, (task.get("name"), names)
    return names[0]


def test_there_are_tasks_to_look_at() -> None:
    assert len(TASKS) > 80


def test_a_task_that_passes_over_errors_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="ignore_errors"):
        module({"name": "x", "ansible.builtin.command": "true", "ignore_errors": True})


def test_blocks_are_looked_into() -> None:
    plays = [{"hosts": "all", "tasks": [{"block": [{"a.b.c": 1}], "always": [{"d.e.f": 1}]}]}]
    assert list(tasks(plays)) == [{"a.b.c": 1}, {"d.e.f": 1}]


def test_every_module_is_called_by_its_full_name() -> None:
    assert [(path, module(task)) for path, task in TASKS if module(task).count(".") < 2] == []


def test_no_task_runs_a_shell() -> None:
    assert [(path, task["name"]) for path, task in TASKS if module(task) in SHELLS] == []


def test_a_command_says_when_it_changed_something() -> None:
    assert [
        (path, task["name"])
        for path, task in TASKS
        if module(task) == "ansible.builtin.command"
        and "changed_when" not in task
        and not {"creates", "removes"} & set(task["ansible.builtin.command"])
    ] == []


def test_a_wait_has_a_limit() -> None:
    assert [(path, task["name"]) for path, task in TASKS if "until" in task and "retries" not in task] == []


def test_nothing_is_passed_as_a_secret_on_a_command_line() -> None:
    found = [
        (path, task["name"])
        for path, task in TASKS
        if module(task) == "ansible.builtin.command" and "stratus_secrets" in str(task[module(task)])
    ]
    assert found == []


def test_no_secret_is_in_the_environment_of_a_task() -> None:
    """Ansible puts that on the command line of the shell that it starts on the host."""
    secret = re.compile("password|secret", re.IGNORECASE)
    assert [
        (path, task["name"]) for path, task in TASKS if secret.search(str(task.get("environment", "")))
    ] == []
