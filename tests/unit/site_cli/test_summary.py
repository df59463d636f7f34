from __future__ import annotations

import pytest

from site_cli.event import Event
from site_cli.summary import Summary


def counts(**given: int) -> dict[str, int]:
    """Return one host's counts."""
    return dict.fromkeys(("ok", "changed", "failed", "unreachable", "skipped", "rescued"), 0) | given


def summary(*events: Event, **stats: dict[str, int]) -> Summary:
    """Return what a run with these events and counts came to."""
    made = Summary()
    for event in (*events, Event("stats", stats=stats)):
        made(event)
    return made


@pytest.mark.parametrize(
    ("status", "host", "code"),
    [
        ("successful", counts(ok=3), 0),
        ("failed", counts(failed=1), 2),
        ("failed", counts(unreachable=1), 3),
        ("failed", counts(failed=1, unreachable=1), 2),
        ("canceled", counts(failed=1), 5),
        ("failed", counts(), 2),
        ("timeout", counts(ok=1), 2),
        ("successful", counts(rescued=1), 0),
    ],
)
def test_the_exit_code_tells_how_the_run_ended(status: str, host: dict[str, int], code: int) -> None:
    assert summary(h1=host).exit_code(status) == code


def test_a_run_that_never_came_to_a_host_has_failed() -> None:
    assert Summary().exit_code("failed") == 2


def test_a_failure_that_was_rescued_is_blamed_on_nobody() -> None:
    failed = Event("failed", host="h1", task="Try", message="no")
    assert summary(failed, h1=counts(rescued=1)).blamed() == ()
    assert summary(failed, h1=counts(failed=1)).blamed() == (failed,)


def test_an_ignored_failure_is_blamed_on_nobody() -> None:
    failed = Event("failed", host="h1", ignored=True)
    assert summary(failed, h1=counts(failed=1)).blamed() == ()


def test_failures_of_an_interrupted_run_without_counts_are_told() -> None:
    made = Summary()
    made(Event("failed", host="h1", task="Start", where="main.yml:3", message="port taken"))
    assert list(made.lines())[-4:] == ["", "failed on h1: Start", "  at main.yml:3", "  port taken"]


def test_the_slowest_tasks_are_summed_over_hosts() -> None:
    made = summary(
        Event("ok", host="h1", task="Install", seconds=2),
        Event("ok", host="h2", task="Install", seconds=3),
        Event("ok", host="h1", task="Start", seconds=4),
    )
    assert made.slowest(1) == [("Install", 5)]
    assert made.slowest() == [("Install", 5), ("Start", 4)]


@pytest.mark.parametrize(
    ("wheres", "code"),
    [
        (["/r/roles/common/tasks/preflight.yml:3"], 4),
        (["/r/playbooks/preflight.yml:3"], 4),
        (["/r/playbooks/hosts.yml:3"], 4),
        (["/r/roles/common/tasks/preflight.yml:3", "/r/roles/common/tasks/install.yml:9"], 2),
        (["/r/roles/common/tasks/no_preflight.yml:3"], 2),
        ([""], 2),
    ],
)
def test_a_run_that_only_checks_refused_ends_with_four(wheres: list[str], code: int) -> None:
    failed = (Event("failed", host="h1", where=where) for where in wheres)
    assert summary(*failed, h1=counts(failed=1)).exit_code("failed") == code
