"""Secrets that are encrypted: opened with what the user gave, by Ansible's own programs."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from site_cli import vault
from site_cli.redact import redacted, secrets_of

ANSIBLE = Path(__file__).resolve().parents[3] / ".venv-site/bin"


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment as it is, put back when the test ends."""
    monkeypatch.setenv(vault.VARIABLE, "")
    monkeypatch.delenv(vault.VARIABLE)


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    vault.arguments(parser)
    return parser.parse_args(words)


def test_what_ansible_starts_later_finds_the_file_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vault.use(given("--vault-password-file", "word"))
    assert os.environ[vault.VARIABLE] == str(tmp_path / "word")


def test_what_the_user_had_set_stays_where_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vault.VARIABLE, "/mine")
    vault.use(given())
    assert os.environ[vault.VARIABLE] == "/mine"


def test_the_next_command_names_the_file_again() -> None:
    assert vault.again(given("--vault-password-file", "word")) == ("--vault-password-file", "word")
    assert vault.again(given()) == ()


def test_a_plain_file_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text("word: open\n")
    assert vault.opened(tmp_path / "plain.yml") == "word: open\n"


def test_an_encrypted_file_that_nothing_opens_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "shut.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n00\n")
    with pytest.raises(OSError, match="encrypted"):
        vault.opened(tmp_path / "shut.yml")


@pytest.mark.skipif(not ANSIBLE.exists(), reason="proving/install-site was not run")
def test_secrets_are_taken_out_although_they_are_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "group_vars/all"
    folder.mkdir(parents=True)
    (folder / "secrets.yml").write_text("stratus_secrets: {nova: hushhush}\n")
    (tmp_path / "word").write_text("sesame\n")
    (tmp_path / "word").chmod(0o600)
    monkeypatch.setattr(sys, "executable", str(ANSIBLE / "python"))
    vault.use(given("--vault-password-file", str(tmp_path / "word")))
    subprocess.run(  # noqa: S603
        [str(ANSIBLE / "ansible-vault"), "encrypt", str(folder / "secrets.yml")],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert "hushhush" not in (folder / "secrets.yml").read_text()
    assert redacted("it is hushhush", secrets_of(tmp_path)) == "it is ********"
