from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from compute_service.cmd.stratus import parser
from site_cli import playbook
from site_cli.run import ROOT, Busy, alone, environment, state_folder

PYTHON = ROOT / ".venv-site" / "bin" / "python"
needs_ansible = pytest.mark.skipif(
    not (PYTHON.parent / "ansible-playbook").exists()
    or not list(PYTHON.parents[1].glob("lib/*/site-packages/ansible_runner")),
    reason="there is no .venv-site with ansible-runner: ./stratus deploy makes it",
)
PROGRAM = """
import sys
from pathlib import Path
from compute_service.cmd import stratus
from site_cli import playbook
playbook.PLAYBOOKS["deploy"] = sys.argv[1]
sys.exit(stratus.main(["deploy", *sys.argv[2:]]))
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "stratus"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    file = tmp_path / "hosts.ini"
    file.write_text("here ansible_connection=local\n")
    return file


def options(*words: str) -> argparse.Namespace:
    return parser("deploy").parse_args(["deploy", *words])


def command(tmp_path: Path, inventory: Path, task: str, *more: str) -> list[str]:
    """Return what runs a playbook of one task on this machine."""
    book = tmp_path / "book.yml"
    book.write_text(f"- name: Prove\n  hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n")
    return [str(PYTHON), "-c", PROGRAM, str(book), "-i", str(inventory), *more]


def ran(words: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=55, check=False)  # noqa: S603


def test_an_inventory_that_is_not_there_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert playbook.run(options("-i", str(tmp_path / "none"))) == 4
    assert "there is no inventory" in capsys.readouterr().err


def test_one_run_at_a_time_works_on_an_inventory(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with alone(inventory):
        with pytest.raises(Busy), alone(inventory):
            pass
        assert playbook.run(options("-i", str(inventory))) == 4
    assert "another run works on" in capsys.readouterr().err
    with alone(inventory):
        pass


def test_state_is_for_its_owner_alone() -> None:
    assert state_folder().stat().st_mode & 0o777 == 0o700


def test_hosts_of_two_sites_with_one_name_share_neither_connections_nor_facts(tmp_path: Path) -> None:
    first, second = (environment(tmp_path / name) for name in ("first", "second"))
    for key in ("ANSIBLE_CACHE_PLUGIN_CONNECTION", "ANSIBLE_SSH_CONTROL_PATH_DIR"):
        assert first[key] != second[key]


def test_the_resume_command_says_what_was_asked(inventory: Path) -> None:
    given = options("-i", str(inventory), "--limit", "compute:!h3")
    assert playbook.resume(given) == f"./stratus deploy -i {inventory} --limit 'compute:!h3'"


@needs_ansible
def test_a_run_that_goes_well_ends_with_nought_and_leaves_nothing(
    tmp_path: Path, inventory: Path, state: Path
) -> None:
    done = ran(command(tmp_path, inventory, "{name: Ping, ansible.builtin.ping: }", "--json"))
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"play", "task", "ok", "stats"} <= {event["kind"] for event in told}
    assert told[-1]["stats"]["here"]["ok"] == 1
    assert not list(state.glob("*/run-*"))


@needs_ansible
def test_what_was_gathered_of_hosts_is_in_the_report(tmp_path: Path, inventory: Path, state: Path) -> None:
    done = ran(
        command(tmp_path, inventory, "{name: Look, ansible.builtin.setup: {gather_subset: [min, hardware]}}")
    )
    assert done.returncode == 0, done.stderr
    (file,) = state.glob("*/report.html")
    assert f"report: {file}" in done.stdout
    assert " CPUs, " in file.read_text()


@needs_ansible
def test_a_task_that_fails_is_told_with_its_line_and_how_to_go_on(tmp_path: Path, inventory: Path) -> None:
    task = "{name: Break, ansible.builtin.fail: {msg: port 3306 is taken}}"
    done = ran(command(tmp_path, inventory, task))
    assert done.returncode == 2, done.stderr
    assert "failed on here: Break" in done.stdout
    assert "book.yml:5" in done.stdout
    assert "port 3306 is taken" in done.stdout
    assert f"./stratus deploy -i {inventory}" in done.stdout


@needs_ansible
def test_a_host_that_is_not_reached_ends_with_three(tmp_path: Path, inventory: Path) -> None:
    inventory.write_text("far ansible_host=127.0.0.1 ansible_port=1\n")
    done = ran(command(tmp_path, inventory, "{name: Ping, ansible.builtin.ping: }"))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "unreachable on far" in done.stdout


@needs_ansible
def test_an_interrupted_run_ends_with_five_and_tells_how_to_go_on(tmp_path: Path, inventory: Path) -> None:
    mark = tmp_path / "begun"
    task = f"{{name: Sleep, ansible.builtin.shell: 'touch {mark}; sleep 50'}}"
    words = command(tmp_path, inventory, task)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        deadline = time.monotonic() + 40
        while not mark.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 5, told
    assert "to go on:" in told
