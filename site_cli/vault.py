"""Secrets that `ansible-vault` encrypted: what opens them, and what is in them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

VARIABLE = "ANSIBLE_VAULT_PASSWORD_FILE"
_MARK = "$ANSIBLE_VAULT;"
_SECONDS = 30


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a verb takes that reads the secrets of a site."""
    parser.add_argument("--vault-password-file", type=Path, metavar="FILE", help="opens encrypted secrets")


def use(options: argparse.Namespace) -> None:
    """Let this process and what it starts, all of Ansible's programs, open secrets with what was given."""
    if options.vault_password_file:
        os.environ[VARIABLE] = str(options.vault_password_file.resolve())


def again(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the words by which the same verb opens the secrets once more."""
    file = options.vault_password_file
    return ("--vault-password-file", str(file)) if file else ()


def opened(file: Path) -> str:
    """Return a file's text, decrypted if need be; raises OSError where it cannot be read or opened."""
    text = file.read_text()
    if not text.startswith(_MARK):
        return text
    program = str(Path(sys.executable).parent / "ansible-vault")
    try:
        done = subprocess.run(  # noqa: S603
            [program, "view", str(file)],
            env=os.environ | {"PAGER": "cat"},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise OSError(f"{file} is encrypted, and nothing given opens it") from error
    return done.stdout
