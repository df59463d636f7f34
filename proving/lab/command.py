"""Programs of the machine, run with a limit and with their output kept."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 60.0
_SHOWN = 3000


class Failed(RuntimeError):
    """A program failed or took too long. The message has the end of what it printed."""


def run(
    command: Sequence[str | Path],
    seconds: float = SECONDS,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program and return what it prints, errors included. `text` is its input. Raises Failed."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(  # noqa: S603
            words,
            input=text or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            check=False,
            timeout=seconds,
        )
    except FileNotFoundError as error:
        raise Failed(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")[-_SHOWN:]
        raise Failed(f"{' '.join(words)} took more than {seconds:g} seconds:\n{said}") from error
    if done.returncode:
        raise Failed(f"{' '.join(words)} failed with {done.returncode}:\n{done.stdout[-_SHOWN:]}")
    return done.stdout


def succeeds(command: Sequence[str | Path], seconds: float = SECONDS) -> bool:
    """Run a program and return whether it succeeded."""
    try:
        run(command, seconds)
    except Failed:
        return False
    return True
