"""The host of a demo: reached by Ansible, gone without a trace when the demo is destroyed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from compute_service.cmd import stratus
from proving.lab import Lab, LabPlan
from proving.lab.lab import create
from site_cli import lab_site
from site_cli.run import ROOT, environment, site_folder
from tests.integration.lab.traces import traces

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.usefixtures("able")]
ANSIBLE = ROOT / ".venv-site" / "bin" / "ansible"


@pytest.fixture
def made(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab of one bare host, with the inventory of a demo; the path of a socket must be short."""
    state = tempfile.mkdtemp(prefix="s")
    monkeypatch.setenv("XDG_STATE_HOME", state)
    lab = create(name, LabPlan(hosts=(name,), uplink=True))
    try:
        lab_site.inventory(lab)
        yield lab
    finally:
        with suppress(LookupError):
            lab_site.remove(name)
        shutil.rmtree(state)


@pytest.mark.skipif(not ANSIBLE.exists(), reason="there is no .venv-site: proving/install-site makes it")
def test_a_demo_that_is_destroyed_leaves_nothing(made: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    inventory = made.folder / "inventory"
    asked = [str(ANSIBLE), "-i", str(inventory), "all", "-m", "ansible.builtin.ping"]
    done = subprocess.run(  # noqa: S603
        asked,
        cwd=ROOT,
        env=os.environ | environment(inventory),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = site_folder(inventory)
    assert {"mounts", "namespaces", "links", "rules", "processes", "folders"} <= traces(made).keys()
    assert _processes(kept)

    assert stratus.main(["demo", "--destroy", "--name", made.name]) == 0
    assert f"{made.name} is gone" in capsys.readouterr().out
    assert traces(made) == {}
    assert not _processes(kept)
    assert not kept.exists()

    assert stratus.main(["demo", "--destroy", "--name", made.name]) == 0
    assert capsys.readouterr().out == f"there is no {made.name}\n"


def test_a_unit_that_is_to_stay_idle_does_not_start_until_it_is_enabled(name: str) -> None:
    made = create(name, LabPlan(hosts=(name,), idle=("remote-fs.target",)))
    try:
        host = made.hosts[name]
        assert host.run("systemctl", "is-system-running").strip() == "running"
        asked = (
            "sh",
            "-c",
            "systemctl is-enabled remote-fs.target; systemctl is-active remote-fs.target; true",
        )
        assert host.run(*asked).split() == ["disabled", "inactive"]
        host.run("systemctl", "--quiet", "enable", "--now", "remote-fs.target")
        assert host.run(*asked).split() == ["enabled", "active"]
    finally:
        made.remove()


def _processes(folder: Path) -> list[str]:
    """Return the processes that speak of a folder, such as connections that ssh keeps."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(folder) in (told := file.read_bytes().replace(b"\0", b" ").decode(errors="replace")):
                found.append(told)
    return found
