from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest

from compute_service.cmd.stratus import parser
from proving.lab import LabPlan
from proving.lab.record import claim
from site_cli import destroy, lab_site
from site_cli.run import alone


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


def test_a_site_of_other_hosts_is_refused(
    tmp_path: Path, removed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for other in (Path("inventories/multinode"), tmp_path / "labs" / "labs" / "gone" / "inventory"):
        assert destroy.run(options(other, "--yes")) == 4
        assert "no site on hosts that this machine made" in capsys.readouterr().err
    assert removed == []


def test_a_site_that_a_run_works_on_is_refused(inventory: Path, removed: list[str]) -> None:
    with alone(inventory):
        assert destroy.run(options(inventory, "--yes")) == 4
    assert removed == []
