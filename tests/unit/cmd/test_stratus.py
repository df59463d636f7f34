from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from compute_service.cmd import selftest
from compute_service.cmd.stratus import VERBS, main, parser

NEED_INVENTORY = {"deploy", "verify", "report", "destroy"}


def options(*words: str) -> argparse.Namespace:
    """Return the parsed command line of `stratus test`."""
    return parser("test").parse_args(["test", *words])


def test_every_verb_is_explained_and_takes_arguments() -> None:
    for verb in VERBS:
        assert verb.help
        required = ["-i", "inventories/aio"] if verb.name in NEED_INVENTORY else []
        assert parser(verb.name).parse_args([verb.name, *required]).verb == verb.name


def test_a_wrong_command_line_exits_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["nosuch"], [], ["test", "--nosuch"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 2
    assert "nosuch" in capsys.readouterr().err


def test_a_failing_check_shows_its_output_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "bad.py").write_text("import   os\n")
    good = selftest.Check("good", ("ruff", "--version"))
    bad = selftest.Check("bad", ("ruff", "check", "--select", "F", str(tmp_path)))
    monkeypatch.setattr(selftest, "CHECKS", (bad, good))
    assert selftest.run(options("--no-tests")) == 1
    shown = capsys.readouterr().out
    assert "--- bad\nF401" in shown
    assert "FAILED bad" in shown
    assert "ok     good" in shown
    assert "1 of 2 failed" in shown


def test_a_check_that_is_not_installed_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selftest, "CHECKS", (selftest.Check("absent", ("no-such-program",)),))
    assert selftest.run(options("--no-tests")) == 1
    assert "not installed" in capsys.readouterr().out


def test_a_check_that_not_every_machine_has_says_so_loudly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    check = selftest.Check("elsewhere", ("no-such-program",), tmp_path, "DID NOT RUN: install it")
    monkeypatch.setattr(selftest, "CHECKS", (check,))
    assert selftest.run(options("--no-tests")) == 0
    assert "DID NOT RUN: install it" in capsys.readouterr().out


@pytest.mark.timeout(240)
def test_the_tests_are_counted_and_their_failure_fails_the_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "test_case.py"
    case.write_text(
        "import pytest\n"
        "def test_one(): pass\n"
        "def test_two(): assert False\n"
        "@pytest.mark.skip(reason='why not')\n"
        "def test_three(): pass\n"
    )
    assert selftest.run(options("--no-checks", "--jobs", "1", str(case))) == 1
    shown = capfd.readouterr().out
    assert "2 tests ran, 1 failed, 1 skipped" in shown
    assert "why not" in shown
    case.write_text("def test_one(): pass\n")
    assert selftest.run(options("--no-checks", "--jobs", "1", str(case))) == 0
    assert "everything passed" in capfd.readouterr().out


UNSTEADY = """
import pathlib

def test_steady(): pass

def test_shaky():
    before = pathlib.Path(__file__).with_suffix(".ran")
    ran, _ = before.exists(), before.touch()
    assert ran
"""


@pytest.mark.timeout(240)
def test_a_test_that_passes_by_itself_is_named_and_is_no_failure_when_that_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_case.py").write_text(UNSTEADY)
    assert selftest.run(options("--no-checks", "--jobs", "1", "--unsteady", "1", str(tmp_path))) == 0
    shown = capfd.readouterr().out
    assert "2 tests ran, 1 failed, 0 skipped" in shown
    assert "UNSTEADY tests: " in shown
    assert "test_case::test_shaky failed, and passed when it was run by itself" in shown


@pytest.mark.timeout(240)
def test_a_test_that_fails_twice_is_a_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test_case.py").write_text("def test_one(): assert False\ndef test_two(): pass\n")
    assert selftest.run(options("--no-checks", "--jobs", "1", "--unsteady", "1", str(tmp_path))) == 1
    assert "UNSTEADY" not in capfd.readouterr().out


@pytest.mark.timeout(240)
def test_more_failures_than_may_be_unsteady_are_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "test_case.py").write_text(UNSTEADY + "def test_another(): assert False\n")
    assert selftest.run(options("--no-checks", "--jobs", "1", "--unsteady", "1", str(tmp_path))) == 1


@pytest.mark.timeout(240)
def test_no_tests_at_all_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "test_none.py").write_text("")
    assert selftest.run(options("--no-checks", "--jobs", "1", str(tmp_path))) == 1


def test_integration_tests_run_only_when_asked_for() -> None:
    assert "not integration" in list(selftest._pytest_arguments(options()))
    assert "not integration" not in list(selftest._pytest_arguments(options("--integration")))
