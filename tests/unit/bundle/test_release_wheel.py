"""The wheel of a release: built from its sources alone, and not twice."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "collections/ansible_collections/stratus/compute/plugins/modules/release_wheel.py"
PYTHON = ROOT / ".venv-site/bin/python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="proving/install-site was not run")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    made = tmp_path / "checkout"
    (made / "thing/inside").mkdir(parents=True)
    (made / "thing/__init__.py").write_text("")
    (made / "thing/inside/__init__.py").write_text("A = 1\n")
    (made / "pyproject.toml").write_text("[project]\nname = 'thing'\n")
    return made


def run(checkout: Path, check: bool = True) -> dict[str, Any]:
    words = {
        "source": str(checkout),
        "package": "thing",
        "destination": str(checkout.parent / "wheels"),
        "_ansible_check_mode": check,
    }
    done = subprocess.run(  # noqa: S603
        [str(PYTHON), str(MODULE)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": words}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_trial_run_tells_that_a_wheel_is_missing_and_makes_none(checkout: Path) -> None:
    assert run(checkout)["changed"] is True
    assert not (checkout.parent / "wheels").exists()


def test_a_wheel_that_is_there_is_not_built_again(checkout: Path) -> None:
    folder = checkout.parent / "wheels" / run(checkout)["digest"]
    folder.mkdir(parents=True)
    (folder / "thing-1-py3-none-any.whl").write_text("")
    again = run(checkout, check=False)
    assert again["changed"] is False
    assert again["path"] == str(folder / "thing-1-py3-none-any.whl")


def test_every_source_counts_and_what_was_left_beside_them_does_not(checkout: Path) -> None:
    before = run(checkout)["digest"]
    (checkout / "build/lib/thing").mkdir(parents=True)
    (checkout / "build/lib/thing/old.py").write_text("")
    (checkout / "thing/__pycache__").mkdir()
    (checkout / "thing/__pycache__/x.pyc").write_text("")
    assert run(checkout)["digest"] == before
    (checkout / "thing/inside/__init__.py").write_text("A = 2\n")
    changed = run(checkout)["digest"]
    assert changed != before
    (checkout / "thing/new.py").write_text("")
    assert run(checkout)["digest"] not in (before, changed)
