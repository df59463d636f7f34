"""What is told of a deployment that failed, and what it makes of the gate."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from proving.failures import told

GATE = Path(__file__).resolve().parents[3] / ".ci/run"
OUTPUT = """\
TASK [keystone : Write keystone.conf] ****
\x1b[33mchanged: [h1]\x1b[0m

TASK [glance : Wait until Glance answers] ****
FAILED - RETRYING: [h1]: Wait until Glance answers (60 retries left).
\x1b[31mfatal: [h1]: FAILED! =>\x1b[0m
    msg: |-
        no answer

        at all

PLAY RECAP ****
h1 : ok=2 failed=1

\x1b[31mERROR   \x1b[0m default converge: Executed: Failed
PLAY [Remove the hosts] ****

TASK [Remove the lab] ****
changed: [localhost]
"""
SECOND_RUN = """\
PLAY RECAP ****
h1 : ok=2 changed=1

CRITICAL Idempotence test failed because of the following tasks:
*  => glance : Write glance-api.conf
ERROR   default idempotence: Executed: Failed
"""


def test_the_task_that_failed_is_told_with_all_that_it_said() -> None:
    text = told(OUTPUT)
    assert text.startswith("TASK [glance : Wait until Glance answers]")
    assert text.endswith("no answer\n\n        at all")
    assert "\x1b" not in text


def test_tasks_that_change_something_again_are_told() -> None:
    assert told(SECOND_RUN).splitlines()[1:] == ["*  => glance : Write glance-api.conf"]


def test_where_no_task_failed_the_end_is_told() -> None:
    assert told("one\ntwo\n") == "one\ntwo"


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A checkout of the gate alone, with programs in place of what it runs, and nobody who could install."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/run").write_text(GATE.read_text())
    (tmp_path / "proving").mkdir()
    (tmp_path / "bin").mkdir()
    for name, code in {"proving/install": 0, "proving/install-site": 0}.items():
        program(tmp_path / name, code)
    (tmp_path / "bin/id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "bin/id").chmod(0o755)
    return tmp_path


def program(path: Path, code: int) -> None:
    path.write_text(f'#!/bin/sh\necho "$0 $*"\nexit {code}\n')
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("tests", "site", "code", "said"),
    [
        (0, 0, 0, "site: passed"),
        (0, 2, 0, "site: DID NOT RUN"),
        (0, 1, 1, "site: FAILED"),
        (0, 124, 124, "site: FAILED"),
        (3, 0, 3, "site: passed"),
        (3, 2, 3, "site: DID NOT RUN"),
        (3, 1, 3, "site: FAILED"),
    ],
)
def test_the_gate_fails_when_the_tests_or_the_deployment_do(
    gate: Path, tests: int, site: int, code: int, said: str
) -> None:
    program(gate / "stratus", tests)
    program(gate / "proving/molecule", site)
    done = subprocess.run(  # noqa: S603
        ["/bin/bash", str(gate / ".ci/run")],
        env={**os.environ, "PATH": f"{gate / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code
    assert said in done.stdout.splitlines()[-1]
    assert "test --integration --unsteady 3" in done.stdout
