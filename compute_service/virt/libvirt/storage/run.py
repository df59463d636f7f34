"""Runs the programs that work on disks, each within limits of time and memory.

An image is a stranger's file: a program that reads it may be made to loop or to ask for memory without end.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Protocol

from compute_service.domain.errors import HostRejected

MOST_MEMORY = 1 << 30
"""Bytes of address space for looking into an image."""
MOST_CPU = 30
"""Seconds of processor time for looking into an image."""


class CommandFailed(HostRejected):
    """A program on this host ended badly, took too long or is not there."""


class Runner(Protocol):
    """Runs one program at a time."""

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        """Return what the program printed; `limited` bounds its memory and processor time.

        Raises CommandFailed.
        """


class Commands:
    """Runs programs on this host, without a shell and with no input."""

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        """Return what the program printed. Raises CommandFailed."""
        bounds = ("prlimit", f"--as={MOST_MEMORY}", f"--cpu={MOST_CPU}", "--") if limited else ()
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the words are ours and files' paths
                [*bounds, *argv],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
                env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"{argv[0]} did not end within {timeout:g} seconds.") from None
        except OSError as error:
            raise CommandFailed(f"{argv[0]} could not be started: {error.strerror}.") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise CommandFailed(f"{argv[0]} ended with {done.returncode} and said: {said[0]}")
        return done.stdout.decode(errors="replace")
