"""What keeps a machine from having labs is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proving.lab import __main__ as command_line
from proving.lab.machine import Unable, cache_folder, check_machine, obstacles, state_folder
from proving.lab.record import Owner, this_process


def test_one_who_is_not_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert any("need root" in reason for reason in obstacles())
    with pytest.raises(Unable, match="cannot have labs:\n- labs need root"):
        check_machine()


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    told = "\n".join(obstacles())
    assert "systemd-nspawn is not installed (Debian: apt-get install systemd-container)" in told
    assert "mmdebstrap is not installed (Debian: apt-get install mmdebstrap)" in told


def test_the_command_line_says_it_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command_line.main(["create", "mine"]) == 2
    assert "labs need root" in capsys.readouterr().err
    assert command_line.main(["create", "Not-A-Name"]) == 2
    assert "is no name" in capsys.readouterr().err


def test_folders_are_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATUS_LAB_CACHE", "/a/cache")
    monkeypatch.setenv("STRATUS_LAB_STATE", "/a/state")
    assert (cache_folder(), state_folder()) == (Path("/a/cache"), Path("/a/state"))
    monkeypatch.delenv("STRATUS_LAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/stratus/lab")


def test_a_process_is_known_again_by_when_it_began() -> None:
    own = this_process()
    assert own.alive
    assert not Owner(own.pid, "1").alive
    assert not Owner(2**22 + 1, own.began).alive
