from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from site_cli.event import Event
from site_cli.record import KEPT, Check, Recorder, Run, keep, runs
from site_cli.run import site_folder


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    variables = tmp_path / "site" / "group_vars" / "all"
    variables.mkdir(parents=True)
    (variables / "secrets.yml").write_text("stratus_secrets: {a: hushhush, ssh: {private: keykeykey}}\n")
    return tmp_path / "site"


def ticking(*times: float) -> Callable[[], float]:
    left: Iterator[float] = iter(times)
    return lambda: next(left)


def a_run(began: str = "2026-01-02T03:04:05+00:00", message: str = "") -> Run:
    return Run(
        "site",
        began,
        12.5,
        2,
        {"keystone": 3.5},
        {"h1": {"ok": 1}},
        (Check("T", "h1", "failed", 1.0, message),),
    )


def test_time_is_that_of_the_role_or_of_the_play_outside_of_roles() -> None:
    tell = Recorder("site", ticking(0, 1, 3, 6, 10, 15, 21, 21, 22), lambda: datetime(2026, 1, 2, tzinfo=UTC))
    for event in (
        Event("play", play="Prepare"),
        Event("task", play="Prepare", task="Look"),
        Event("task", play="Prepare", role="keystone", task="Start"),
        Event("task", play="Prepare", role="glance", task="Start"),
        Event("task", play="Prepare", role="keystone", task="Wait"),
        Event("stats", stats={"h1": {"ok": 4}}),
    ):
        tell(event)
    made = tell.run(0)
    assert made.parts == {"Prepare": 5, "keystone": 4 + 6, "glance": 5}
    assert (made.began, made.seconds, made.hosts) == ("2026-01-02T00:00:00+00:00", 22, {"h1": {"ok": 4}})


def test_each_task_and_host_that_ended_is_noted_with_its_outcome() -> None:
    tell = Recorder("verify")
    for event in (
        Event("ok", task="Ask", host="h1", seconds=0.5),
        Event("skipped", task="Ask", host="h2"),
        Event("failed", task="Try", host="h1", message="no"),
        Event("failed", task="Try", host="h2", ignored=True),
        Event("unreachable", task="Try", host="h3", message="no route"),
    ):
        tell(event)
    assert [(check.host, check.outcome) for check in tell.run(2).checks] == [
        ("h1", "ok"),
        ("h1", "failed"),
        ("h2", "ignored"),
        ("h3", "unreachable"),
    ]


def test_what_is_kept_comes_back_and_only_its_owner_may_read_it(inventory: Path) -> None:
    file = keep(inventory, a_run())
    assert runs(inventory) == (a_run(),)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_a_task_told_is_not_kept(inventory: Path) -> None:
    file = keep(inventory, a_run(message="sign in with hushhush and keykeykey: refused"))
    assert "hushhush" not in file.read_text()
    assert "keykeykey" not in file.read_text()
    assert runs(inventory)[0].checks[0].message == "sign in with ******** and ********: refused"


def test_the_oldest_runs_are_forgotten(inventory: Path) -> None:
    first = datetime(2026, 1, 2, tzinfo=UTC)
    for day in range(KEPT + 3):
        keep(inventory, a_run((first + timedelta(days=day)).isoformat(timespec="seconds")))
    kept = runs(inventory)
    assert len(kept) == KEPT
    assert kept[0].began.startswith("2026-01-05")
    assert [run.began for run in kept] == sorted(run.began for run in kept)


def test_a_file_that_is_no_run_is_passed_over(inventory: Path) -> None:
    keep(inventory, a_run())
    folder = site_folder(inventory) / "runs"
    (folder / "0-broken.json").write_text("{")
    (folder / "1-other.json").write_text('{"checks": [], "colour": "red"}')
    assert runs(inventory) == (a_run(),)
