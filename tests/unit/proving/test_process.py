from __future__ import annotations

import signal
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proving.ports import HIGHEST, LOWEST, accepts, free_port, free_ports
from proving.process import Launch, Missing, NotReady, Process, program, secret_file

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("up", flush=True)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


def python(folder: Path, code: str) -> Process:
    """A program that is ready when it has said `up` since it was started."""
    log = folder / "log"
    return Process("program", log, Launch([sys.executable, "-c", code]), lambda: "up" in log.read_text())


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Process]:
    """A program that started another one."""
    made = python(tmp_path, FAMILY)
    made.start()
    made.ready(10)
    yield made
    made.kill()


def gone(pids: list[int]) -> bool:
    """Wait until nobody of these runs."""
    deadline = time.monotonic() + 5
    while any(_runs(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_program_is_started_once(family: Process) -> None:
    first = family.pid
    family.start()
    assert family.pid == first
    assert family.running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_with_a_program_goes_what_it_started(family: Process, number: signal.Signals) -> None:
    pids = family.pids()
    assert len(pids) == 2
    assert family.stop(number) == -number
    assert gone(pids)
    assert not family.running


def test_a_program_is_started_again(family: Process) -> None:
    first = family.pid
    family.restart(signal.SIGKILL)
    assert family.pid != first
    assert family.log.read_text().count("up") >= 1


def test_a_program_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = python(tmp_path, DEAF)
    deaf.start()
    deaf.ready(10)
    assert deaf.stop(signal.SIGTERM, 0.2) == -signal.SIGKILL


def test_a_program_that_ends_is_not_ready_and_tells_why(tmp_path: Path) -> None:
    broken = python(tmp_path, "raise SystemExit('no such disk')")
    broken.start()
    with pytest.raises(NotReady, match="program has ended:\nno such disk"):
        broken.ready(10)


def test_a_program_that_does_not_answer_in_time_is_not_ready(tmp_path: Path) -> None:
    silent = python(tmp_path, "import time; time.sleep(60)")
    silent.start()
    with pytest.raises(NotReady, match="program does not answer"):
        silent.ready(0.2)
    silent.kill()


def test_stopping_what_was_never_started_does_nothing(tmp_path: Path) -> None:
    assert python(tmp_path, "").stop() == 0


def test_a_program_that_is_missing_is_named_with_its_package() -> None:
    with pytest.raises(Missing, match=r"no-such-program is not installed .*no-such-package"):
        program("no-such-program", "no-such-package")


def test_ports_are_free_and_below_those_of_clients() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(LOWEST <= port < HIGHEST for port in ports)
    assert not accepts(free_port())


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("seen by all")
    secret_file(path, "hidden")
    assert path.read_text() == "hidden"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
