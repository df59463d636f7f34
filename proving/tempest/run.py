"""Runs tempest and reads its results."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv-tempest" / "bin"
COMPUTE = r"^tempest\.(api|serial_tests\.api)\.compute\."
"""All tests of the compute API."""
PASSED, FAILED, SKIPPED, CUT = "success", "fail", "skip", "inprogress"
_INSTALL_SECONDS = 600.0
_STOP_SECONDS = 30.0
_CLASS = re.compile(r"^(?:setUpClass|tearDownClass) \((?P<name>.*)\)$")
_ERROR = re.compile(r"^(?:[A-Za-z_]\w*(?:\.\w+)+|\w+(?:Error|Exception)): ")


@dataclass(frozen=True)
class Result:
    """What became of a test, or of what a class does before or after its tests."""

    test: str
    status: str
    """`success`, `fail`, `skip`, or `inprogress` for what the limit of time cut off."""
    why: str = ""
    """The traceback, or why it was skipped."""

    @property
    def module(self) -> str:
        """The file it is in, without `tempest.`."""
        name = self.test.split("[")[0]
        if found := _CLASS.match(self.test):
            name = found["name"] + ".x"
        return name.rsplit(".", 2)[0].removeprefix("tempest.")

    @property
    def name(self) -> str:
        """Class and test, without tags."""
        if found := _CLASS.match(self.test):
            return f"{found['name'].rsplit('.', 1)[-1]} ({self.test.split(' ')[0]})"
        return ".".join(self.test.split("[")[0].rsplit(".", 2)[-2:])

    @property
    def reason(self) -> str:
        """Why, in one line."""
        lines = [line.strip() for line in self.why.splitlines() if line.strip()]
        found = next((n for n in range(len(lines) - 1, -1, -1) if _ERROR.match(lines[n])), len(lines) - 1)
        return textwrap.shorten(" ".join(lines[max(found, 0) :]), 300, placeholder=" …")


def install() -> None:
    """Make tempest's virtual environment unless it is there. Raises CalledProcessError."""
    subprocess.run([str(ROOT / "proving" / "install-tempest")], check=True, timeout=_INSTALL_SECONDS)  # noqa: S603


def version() -> str:
    """Return which tempest is installed."""
    code = "import importlib.metadata as m; print(m.version('tempest'))"
    command: list[str | Path] = [BIN / "python", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    return str(done.stdout).strip()


def run(folder: Path, conf: Path, select: str, workers: int, seconds: float) -> list[Result]:
    """Run the tests whose names match, and end what still runs after so long; return the results.

    Results and logs are in `folder`, where tempest keeps its own files as well.
    """
    stream, log = folder / "results.subunit", folder / "run.log"
    command = [BIN / "tempest", "run", "--config-file", conf, "--regex", select, "--subunit"]
    with stream.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(  # noqa: S603
            [*map(str, command), "--concurrency", str(workers)],
            cwd=folder,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait(process, seconds)
        finally:
            _end(process)
    return list(read(stream))


def read(stream: Path) -> Iterator[Result]:
    """Read the results in a stream of subunit. Raises CalledProcessError."""
    script = Path(__file__).with_name("read_stream.py")
    command = [BIN / "python", script, stream]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)  # noqa: S603
    for line in done.stdout.splitlines():
        row = json.loads(line)
        yield Result(row["id"], row["status"], row["why"])


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.5)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with its workers, which share its group."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            if number == signal.SIGKILL:
                return
