from __future__ import annotations

import argparse
import io
import subprocess
from pathlib import Path

import pytest

from compute_service.cmd.stratus import parser
from proving.lab import Lab, LabPlan
from proving.lab.record import claim
from site_cli import demo, lab_site
from site_cli.run import ROOT, Play

TOLD = {
    "server": "demo-demo",
    "address": "172.29.0.7",
    "key": "/root/.ssh/demo",
    "console": "https://10.1.2.3:13080/vnc_auto.html?path=%3Ftoken%3Dx",
}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATUS_LAB_STATE", str(tmp_path / "labs"))
    monkeypatch.setenv("STRATUS_LAB_CACHE", str(tmp_path / "cache"))


def options(*words: str) -> argparse.Namespace:
    return parser("demo").parse_args(["demo", *words])


def test_a_machine_that_can_have_no_lab_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo.run(options()) == 4
    assert "systemd-container" in capsys.readouterr().err


def test_who_is_not_root_is_told_before_anything_is_made(tmp_path: Path) -> None:
    nobody = tmp_path / "id"
    nobody.write_text("#!/bin/sh\necho 1000\n")
    nobody.chmod(0o755)
    script = tmp_path / "stratus"
    script.write_text((ROOT / "stratus").read_text())
    done = subprocess.run(  # noqa: S603
        ["/bin/sh", str(script), "demo"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 4
    assert "needs root" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["id", "stratus"]


def test_a_name_that_no_host_can_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(options("--name", "No_Name")) == 4
    assert "is no name" in capsys.readouterr().err


def test_destroying_what_is_not_there_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(options("--destroy")) == 0
    assert capsys.readouterr().out == "there is no demo\n"


def test_the_end_tells_how_to_log_in_list_servers_open_the_console_and_remove_it() -> None:
    made = Lab(claim("demo", LabPlan(hosts=("demo",))))
    lines = "\n".join(demo._told(made, TOLD, "./stratus demo", 372.4))
    into = lab_site.ssh(made)
    assert "in 6 min 12 s" in lines
    for wanted in (
        f"{into} ssh -i /root/.ssh/demo root@172.29.0.7",
        f"{into} openstack --os-cloud demo server list",
        TOLD["console"],
        "inventory/group_vars/all/authority.pem",
        "./stratus demo --destroy",
    ):
        assert wanted in lines


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The playbooks that were run; what they would do is not done."""
    names: list[str] = []

    def perform(play: Play, *_more: object) -> int:
        names.append(play.playbook.name)
        return 2 if names[-1] == "broken.yml" else 0

    monkeypatch.setattr(demo, "perform", perform)
    monkeypatch.setattr(demo, "guest_image", lambda: names.append("image"))
    return names


def play(inventory: Path) -> int:
    return demo._play(inventory, lambda _event: None, io.StringIO(), "./stratus demo")


def test_the_guest_is_there_before_its_server_and_all_is_verified(tmp_path: Path, played: list[str]) -> None:
    assert play(tmp_path) == 0
    assert [name for name in played if name != "image"] == ["site.yml", "demo.yml", "verify.yml"]
    assert played.index("image") < played.index("demo.yml")


def test_a_server_that_is_there_is_not_made_again(tmp_path: Path, played: list[str]) -> None:
    (tmp_path / demo.TOLD).write_text("{}")
    assert play(tmp_path) == 0
    assert [name for name in played if name != "image"] == ["site.yml", "verify.yml"]


def test_nothing_follows_a_playbook_that_failed(
    tmp_path: Path, played: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PLAYBOOKS", ("broken.yml", "verify.yml"))
    assert play(tmp_path) == 2
    assert "verify.yml" not in played


def test_the_playbooks_of_the_demo_are_there() -> None:
    for name in demo.PLAYBOOKS:
        assert (ROOT / "playbooks" / name).is_file()
