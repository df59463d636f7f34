from __future__ import annotations

import argparse
import io
import os
from pathlib import Path

import pytest

from compute_service.cmd.stratus import parser
from proving.lab import LabPlan
from proving.lab.record import claim
from site_cli import destroy, lab_site, vault
from site_cli.run import Play, alone


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATUS_LAB_STATE", str(tmp_path / "labs"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def inventory() -> Path:
    """The inventory of a lab of which only the record is there."""
    folder = claim("mine", LabPlan(hosts=("mine",))).folder / "inventory"
    folder.mkdir()
    return folder


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the labs that would have been removed."""
    names: list[str] = []
    monkeypatch.setattr(lab_site, "destroy", names.append)
    return names


def options(inventory: Path, *words: str) -> argparse.Namespace:
    return parser("destroy").parse_args(["destroy", "-i", str(inventory), *words])


def test_a_site_goes_when_its_name_is_typed(
    inventory: Path, removed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("mine\n"))
    assert destroy.run(options(inventory)) == 0
    assert removed == ["mine"]
    assert "mine is gone" in capsys.readouterr().out


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "Mine\n", "yes\n"])
def test_a_site_stays_when_anything_else_is_typed(
    inventory: Path, removed: list[str], monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert destroy.run(options(inventory)) == 5
    assert removed == []


def test_with_yes_nothing_is_asked(
    inventory: Path, removed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert destroy.run(options(inventory, "--yes")) == 0
    assert removed == ["mine"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[Play]]:
    """The inventory of a site on hosts elsewhere, and what would have been run on them."""
    played: list[Play] = []

    def perform(play: Play, *_: object) -> int:
        played.append(play)
        return 0

    monkeypatch.setattr(destroy, "perform", perform)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder, played


def test_a_site_on_hosts_elsewhere_is_removed_from_them(
    site: tuple[Path, list[Play]],
    removed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inventory, played = site
    monkeypatch.setattr("sys.stdin", io.StringIO("elsewhere\n"))
    assert destroy.run(options(inventory)) == 0
    assert [(play.playbook.name, play.inventory) for play in played] == [("destroy.yml", inventory)]
    assert "stratus_destroy=yes" in played[0].arguments
    assert removed == []
    assert "elsewhere is gone from its hosts" in capsys.readouterr().out


def test_a_site_on_hosts_elsewhere_stays_when_anything_else_is_typed(
    site: tuple[Path, list[Play]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert destroy.run(options(site[0])) == 5
    assert site[1] == []


def test_a_file_with_hosts_is_called_as_its_folder(
    site: tuple[Path, list[Play]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (site[0] / "hosts.yml").write_text("all: {}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("elsewhere\n"))
    assert destroy.run(options(site[0] / "hosts.yml")) == 0


def test_encrypted_secrets_are_opened_for_it(
    site: tuple[Path, list[Play]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(vault.VARIABLE, "")
    assert destroy.run(options(site[0], "--yes", "--vault-password-file", str(tmp_path / "word"))) == 0
    assert os.environ[vault.VARIABLE] == str(tmp_path / "word")


def test_an_inventory_that_is_not_there_is_refused(
    tmp_path: Path, removed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert destroy.run(options(tmp_path / "labs" / "labs" / "gone" / "inventory", "--yes")) == 4
    assert "there is no inventory" in capsys.readouterr().err
    assert removed == []


def test_a_site_that_a_run_works_on_is_refused(inventory: Path, removed: list[str]) -> None:
    with alone(inventory):
        assert destroy.run(options(inventory, "--yes")) == 4
    assert removed == []
