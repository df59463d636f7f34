"""What failed in a run of Ansible or molecule, of all that it printed: `python -m proving.failures LOG`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BEGINS = re.compile(r"(TASK|RUNNING HANDLER|PLAY|PLAY RECAP) ?\[|PLAY RECAP|INFO |WARNING |ERROR |CRITICAL ")
_FAILED = re.compile(r"(fatal|failed): \[|CRITICAL ", re.MULTILINE)
_LAST = 40
"""How many lines are told of a run in which no task failed."""


def failures(lines: Iterable[str]) -> Iterator[str]:
    """Return the parts of a run's output that tell of a failure: whole tasks, and what molecule says."""
    part: list[str] = []
    for line in (*(_COLOUR.sub("", one.rstrip("\n")) for one in lines), "PLAY RECAP"):
        if _BEGINS.match(line):
            text = "\n".join(part).rstrip()
            if _FAILED.search(text):
                yield text
            part = []
        part.append(line)


def told(text: str) -> str:
    """Return what failed, or the end of the output where no task did."""
    lines = text.splitlines()
    return "\n\n".join(failures(lines)) or "\n".join(_COLOUR.sub("", line) for line in lines[-_LAST:])


if __name__ == "__main__":
    print(told(Path(sys.argv[1]).read_text(errors="replace")))
