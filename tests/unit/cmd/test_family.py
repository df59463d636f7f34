"""Processes that are forked from one parent."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(120)
_SECONDS = 40.0


class Parent:
    """A family in processes of its own, and its service manager."""

    def __init__(self, folder: Path, *children: str, watchdog: float = 0, options: str = "") -> None:
        self.conf = folder / "nova.conf"
        self.conf.write_text(
            "[DEFAULT]\nmanager_shutdown_timeout = 1\ngraceful_shutdown_timeout = 1\n" + options
        )
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        self.manager.settimeout(_SECONDS)
        self.log = folder / "log"
        environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify")}
        if watchdog:
            environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        command = [sys.executable, "-m", "tests.unit.cmd.small_daemons", str(self.conf), *children]
        self.process = subprocess.Popen(  # noqa: S603
            command, env=environment, stderr=self.log.open("w")
        )

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.manager.close()

    def heard(self, wanted: str) -> bool:
        """Wait until the manager was told so."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if wanted in self.manager.recv(4096).decode():
                return True
        return False

    def children(self) -> set[int]:
        """Return the processes of the children."""
        return set(
            map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())
        )

    def logged(self, text: str) -> int:
        """Tell how often the log says so."""
        return self.log.read_text().count(text)


Start = Callable[..., Parent]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a family; ends it afterwards."""
    started: list[Parent] = []

    def begin(*children: str, **more: Any) -> Parent:
        started.append(Parent(tmp_path, *children, **more))
        return started[-1]

    yield begin
    for one in started:
        one.end()


def eventually(check: Callable[[], object]) -> bool:
    """Wait until `check` holds."""
    deadline = time.monotonic() + _SECONDS
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def lives(pid: int) -> bool:
    """Tell a process from none, and from a dead one that nobody has waited for."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def test_it_is_ready_when_all_are_and_stops_when_all_have(start: Start) -> None:
    family = start("steady", "steady")
    assert family.heard("READY=1"), family.log.read_text()
    children = family.children()
    assert len(children) == 2
    assert {Path(f"/proc/{pid}/comm").read_text() for pid in children} == {"steady\n"}
    assert eventually(lambda: family.logged("steady is ready") == 2)
    family.process.send_signal(signal.SIGTERM)
    assert family.heard("STOPPING=1")
    assert family.process.wait(20) == 0  # Well before the parent would look after its children by itself.
    assert family.logged("steady stopped") == 2
    assert not any(map(lives, children))


def test_a_child_that_dies_is_replaced(start: Start) -> None:
    family = start("steady", "steady")
    assert family.heard("READY=1"), family.log.read_text()
    assert eventually(lambda: family.logged("steady is ready") == 2)
    victim, other = sorted(family.children())
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: family.logged("steady is ready") == 3), family.log.read_text()
    assert len(family.children()) == 2
    assert other in family.children()
    assert family.logged("steady ended with -9") == 1


def test_a_child_that_hangs_is_replaced(start: Start) -> None:
    family = start("steady", "hanging", watchdog=1.5)
    assert family.heard("READY=1"), family.log.read_text()
    assert eventually(lambda: family.logged("hanging ended with -9")), family.log.read_text()
    assert eventually(lambda: len(family.children()) == 2)


@pytest.mark.parametrize(("child", "code"), [("refused", 78), ("broken", 1)])
def test_a_child_that_cannot_start_ends_the_family_with_its_code(start: Start, child: str, code: int) -> None:
    family = start("steady", child)
    assert family.process.wait(_SECONDS) == code
    assert family.logged(f"{child} cannot start") == 1
    assert bool(family.logged("broken on purpose")) == (child == "broken")


@pytest.mark.parametrize("after", [None, 0.0, 0.1])
def test_children_do_not_outlive_their_parent(start: Start, after: float | None) -> None:
    family = start("steady", "hanging")
    if after is None:
        assert family.heard("READY=1"), family.log.read_text()
    else:
        assert eventually(lambda: len(family.children()) == 2)
        time.sleep(after)
    children = family.children()
    family.end()
    assert eventually(lambda: not any(map(lives, children)))


def test_signals_are_handed_on(start: Start) -> None:
    family = start("steady", "steady")
    assert family.heard("READY=1"), family.log.read_text()
    family.process.send_signal(signal.SIGHUP)
    family.process.send_signal(signal.SIGUSR2)
    assert eventually(lambda: family.logged("configuration read again") == 2), family.log.read_text()
    assert eventually(lambda: family.logged("thread MainThread:") == 2)


def test_a_child_that_does_not_stop_is_ended_in_the_end(start: Start) -> None:
    family = start("hanging", options="[stratus]\n")
    assert family.heard("READY=1"), family.log.read_text()
    family.process.send_signal(signal.SIGTERM)
    assert family.process.wait(_SECONDS) == 1
    assert family.logged("ends what did not stop in time")


def test_a_second_sigterm_ends_all_at_once(start: Start) -> None:
    family = start("hanging", options="manager_shutdown_timeout = 600\n")
    assert family.heard("READY=1"), family.log.read_text()
    family.process.send_signal(signal.SIGTERM)
    assert family.heard("STOPPING=1")
    family.process.send_signal(signal.SIGTERM)
    assert family.process.wait(_SECONDS) == 1


def test_one_port_shows_the_figures_and_the_health_of_all(start: Start, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = f"state_path = {tmp_path}/state\n[stratus]\nmetrics_port = {port}\n"
    family = start("steady", "steady", options=options)
    assert family.heard("READY=1"), family.log.read_text()

    def ask(path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    assert ask("/readyz") == (200, '{"healthy":true,"problems":{}}')
    assert "stratus_build_info" in ask("/metrics")[1]
    for pid in family.children():
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: family.logged("steady ended with -9") == 2)
    status, body = ask("/readyz")
    if status != 200:  # They may be back already.
        assert json.loads(body)["problems"]["processes"].startswith("steady: ")
    assert eventually(lambda: ask("/readyz")[0] == 200)
    family.process.send_signal(signal.SIGTERM)
    assert family.process.wait(_SECONDS) == 0
    assert list((tmp_path / "state").iterdir()) == []
