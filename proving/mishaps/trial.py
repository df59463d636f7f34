"""One mishap: it happens, the site's own programs tell of it, it is mended as they say, and all is well."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proving.lab.host import Host

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 900
_SHOWN = 4000


class Wrong(Exception):
    """What was not told, or not healed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it happens: a site of one host, and the inventory it was deployed from."""

    inventory: Path
    host: Host


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that goes wrong. `mend` is given what was told, and returns what was done about it.

    `told` are regular expressions that what is told has to match, with the host's name for {host}. `teller`
    is the verb that tells it, `code` how that has to end.
    """

    name: str
    happen: Callable[[Place], None]
    told: tuple[str, ...]
    mend: Callable[[Place, str], str]
    teller: str = "deploy"
    code: int = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: what was told of the host, what mended it, and the seconds that both runs took."""

    told: str
    mended: str
    refused_after: float
    healed_after: float


def undergo(mishap: Mishap, place: Place, logs: Path) -> Outcome:
    """Let a mishap happen and heal. Raises Wrong, with the end of the output, where it does not."""
    mishap.happen(place)
    text, refused_after = _run(mishap.teller, place, logs / f"{mishap.name}.log", mishap.code)
    told = _told(mishap, text, place)
    mended = mishap.mend(place, text)
    _, healed_after = _run("deploy", place, logs / f"{mishap.name}-healed.log", 0)
    if mishap.teller != "deploy":
        _run(mishap.teller, place, logs / f"{mishap.name}-well.log", 0)
    return Outcome(told, mended, refused_after, healed_after)


def _told(mishap: Mishap, text: str, place: Place) -> str:
    """Return the lines that tell of it."""
    # What is told is shown by one program as lines and by another as JSON: spaces may be line ends.
    flat = re.sub(r'[",\s]+', " ", text)
    found: list[str] = []
    for pattern in mishap.told:
        match = re.search(pattern.format(host=re.escape(place.host.name)), flat)
        if match is None:
            raise Wrong(f"{mishap.name}: nothing like {pattern!r} was told:\n{text[-_SHOWN:]}")
        found.append(match.group(0))
    return " ... ".join(found)


def _run(verb: str, place: Place, log: Path, code: int) -> tuple[str, float]:
    """Run a verb on the site; return what it printed and its seconds. Raises Wrong for another exit code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("w") as file:
        done = subprocess.run(  # noqa: S603
            command(verb, place.inventory),
            cwd=ROOT,
            env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    text = log.read_text(errors="replace")
    if done.returncode != code:
        raise Wrong(f"{verb} ended with {done.returncode} instead of {code}:\n{text[-_SHOWN:]}")
    return text, time.monotonic() - began


def command(verb: str, inventory: Path) -> list[str]:
    """Return what an operator types for a verb: `stratus deploy`, or a playbook of that name."""
    if verb == "deploy":
        return [str(ROOT / "stratus"), verb, "-i", str(inventory)]
    program = Path(sys.executable).with_name("ansible-playbook")
    return [str(program), "-i", str(inventory), str(ROOT / "playbooks" / f"{verb}.yml")]
