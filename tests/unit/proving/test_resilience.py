"""Where deployments are killed, and what a run that is watched is found to have done."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
import yaml

from proving.resilience import playbook
from proving.resilience.playbook import Wrong, play
from proving.resilience.points import Point, drawn, named
from proving.resilience.rotation import rotate, told_secrets

PYTHON = sys.executable
PLAYED = """#!{python}
import sys, time
print("PLAY [Everything] ****")
for name in ("One", "role : Two", "Three"):
    print(f"TASK [{{name}}] *****", flush=True)
    print("changed: [h1]" if name == "Three" else "ok: [h1]", flush=True)
    if {slow}:
        time.sleep(30 if name == "Three" else 0.05)
print("PLAY RECAP ****")
print("h1                 : ok=3    changed={changed}    unreachable=0    failed=0", flush=True)
sys.exit({code})
"""


@pytest.fixture
def ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program stands for ansible-playbook: it prints what that does."""
    monkeypatch.setattr(playbook.sys, "executable", str(tmp_path / "python"))
    return tmp_path / "ansible-playbook"


def write(path: Path, slow: bool = False, changed: int = 0, code: int = 0) -> None:
    path.write_text(PLAYED.format(python=PYTHON, slow=slow, changed=changed, code=code))
    path.chmod(0o755)


def test_points_are_one_in_each_part_of_a_run_and_the_same_for_a_seed() -> None:
    points = drawn(7, 5, 100)
    assert points == drawn(7, 5, 100) != drawn(8, 5, 100)
    assert [(point.task - 1) // 20 for point in points] == [0, 1, 2, 3, 4]


def test_a_point_may_be_a_task_s_name_with_seconds_after_it_or_without() -> None:
    assert named("Install the release:4.5") == Point(name="Install the release", seconds=4.5)
    assert named("Restart RabbitMQ") == Point(name="Restart RabbitMQ")
    assert named("role : Two").reached(1, "role : Two")
    assert not named("role : Two").reached(2, "Three")


def test_a_run_is_killed_at_its_task(ansible: Path, tmp_path: Path) -> None:
    write(ansible, slow=True)
    ended = play(tmp_path, tmp_path / "log", point=Point(task=3))
    assert (ended.killed, ended.tasks) == ("Three", 3)
    with pytest.raises(Wrong):
        ended.expect()


def test_a_run_that_is_at_its_end_before_its_point_was_not_killed(ansible: Path, tmp_path: Path) -> None:
    write(ansible)
    ended = play(tmp_path, tmp_path / "log", point=Point(task=9))
    assert ended.killed == ""
    assert ended.recap["h1"]["ok"] == 3
    ended.expect(unchanged=True)


def test_what_changed_is_named_when_nothing_was_to_change(ansible: Path, tmp_path: Path) -> None:
    write(ansible, changed=1)
    ended = play(tmp_path, tmp_path / "log")
    ended.expect()
    with pytest.raises(Wrong, match=r"1 on h1:\n  Three: changed"):
        ended.expect(unchanged=True)


def test_a_run_that_fails_is_told_with_the_end_of_its_output(ansible: Path, tmp_path: Path) -> None:
    write(ansible, code=2)
    with pytest.raises(Wrong, match=r"ended with 2(?s:.*)PLAY RECAP"):
        play(tmp_path, tmp_path / "log").expect()


def test_a_run_has_a_limit_of_time(ansible: Path, tmp_path: Path) -> None:
    write(ansible, slow=True)
    with pytest.raises(Wrong, match=r"more than 0\.5 s"):
        play(tmp_path, tmp_path / "log", limit=0.5)


def test_every_password_becomes_another_and_nothing_else_changes(tmp_path: Path) -> None:
    path = tmp_path / "group_vars/all/secrets.yml"
    path.parent.mkdir(parents=True)
    before = {"nova_password": "one", "nova_database_password": "two", "nova_secret": "three"}
    path.write_text(yaml.safe_dump({"stratus_secrets": before}))
    assert rotate(tmp_path) == ["nova_database_password", "nova_password"]
    after = told_secrets(tmp_path)
    assert after["nova_secret"] == "three"
    assert not set(after.values()) & {"one", "two"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_site_that_was_never_deployed_has_no_secrets_yet(tmp_path: Path) -> None:
    assert told_secrets(tmp_path) == {}
