"""Breaks a site of the lab on purpose, and tries what it tells: `python -m proving.mishaps -i INVENTORY`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from proving.lab.command import Failed
from proving.lab.lab import open_lab
from proving.mishaps.kinds import MISHAPS
from proving.mishaps.trial import Place, Wrong, undergo


def main(words: Sequence[str] | None = None) -> int:
    """Let each mishap happen and heal; return 0, or 1 when one was not told or not healed."""
    arguments = _parser().parse_args(words)
    inventory: Path = arguments.inventory.resolve()
    folder: Path = arguments.logs or Path(tempfile.mkdtemp(prefix="stratus-mishaps-"))
    try:
        (host,) = open_lab(inventory.parent.name).hosts.values()
        place = Place(inventory, host)
        for mishap in MISHAPS:
            if mishap.name not in (arguments.names or [mishap.name]):
                continue
            came = undergo(mishap, place, folder)
            print(
                f"{mishap.name}: told after {came.refused_after:.0f} s: {came.told}; healed by {came.mended}"
                f" and a run of {came.healed_after:.0f} s",
                flush=True,
            )
    except (Wrong, Failed) as error:
        print(f"{error}\nAll output is in {folder}", file=sys.stderr)
        return 1
    if not arguments.logs:
        shutil.rmtree(folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proving.mishaps", description=__doc__)
    parser.add_argument("-i", "--inventory", type=Path, required=True, help="of a lab's site of one host")
    parser.add_argument("--logs", type=Path, help="a folder for the output of runs")
    known = ", ".join(mishap.name for mishap in MISHAPS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what is tried instead of all: {known}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
