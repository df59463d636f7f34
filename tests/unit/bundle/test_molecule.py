"""The scenarios of molecule, and the program that runs one within a limit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
SHARED = yaml.safe_load((ROOT / ".config/molecule/config.yml").read_text())


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [str(ROOT / "proving/molecule"), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | environment,
    )


def test_there_is_a_default_scenario() -> None:
    assert "default" in SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_has_hosts_of_its_own_that_are_a_site(name: str) -> None:
    told = yaml.safe_load((ROOT / "molecule" / name / "vars/hosts.yml").read_text())
    groups = {group for groups in told["lab_hosts"].values() for group in groups}
    assert groups >= {"controller", "compute"}
    assert all(len(host) <= 15 for host in told["lab_hosts"])


def test_a_scenario_proves_that_a_second_run_changes_nothing_and_that_the_site_works() -> None:
    steps = SHARED["scenario"]["test_sequence"]
    assert steps[0] == steps[-1] == "destroy"
    assert steps.index("converge") < steps.index("idempotence") < steps.index("verify")
    assert any(step.startswith("verify ") and "find_secrets" in step for step in steps)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_with_steps_of_its_own_ends_with_a_site_that_works_and_no_lab(name: str) -> None:
    told = yaml.safe_load((ROOT / "molecule" / name / "molecule.yml").read_text())
    steps = told["scenario"].get("test_sequence", SHARED["scenario"]["test_sequence"])
    assert steps[0] == steps[-1] == "destroy"
    assert (
        steps.index("prepare") < steps.index("converge") < steps.index("idempotence") < steps.index("verify")
    )
    assert all(
        (ROOT / "molecule" / name / step.split()[1]).resolve().is_file() for step in steps if " " in step
    )


@pytest.mark.parametrize("step", ["create", "prepare", "converge", "verify", "destroy"])
def test_the_playbook_of_a_step_is_there(step: str) -> None:
    assert (ROOT / "molecule/default" / SHARED["ansible"]["playbooks"][step]).resolve().is_file()


def test_an_unknown_scenario_is_told_with_those_there_are() -> None:
    done = run("nonesuch")
    assert done.returncode == 2
    assert "there is no scenario nonesuch; there are: default" in done.stderr


def test_a_limit_needs_its_number() -> None:
    assert run("--within").returncode == 2
