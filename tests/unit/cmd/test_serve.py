"""nova-api-metadata in processes of its own: the frame of every API."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(90)


class Served:
    """A running daemon with two workers, its figures, and its service manager."""

    def __init__(self, folder: Path, state: Path | None = None) -> None:
        self.port, self.figures = _free_port(), _free_port()
        self.conf, self.state = folder / "nova.conf", state or folder / "state"
        self.write_conf()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        self.manager.settimeout(30)
        self.log = folder / "log"
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "compute_service.cmd.api_metadata", "--config-file", str(self.conf)],
            env=os.environ | {"NOTIFY_SOCKET": str(folder / "notify")},
            stderr=self.log.open("w"),
        )

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.manager.close()

    def write_conf(self, more: str = "") -> None:
        """Write nova.conf."""
        self.conf.write_text(
            f"[DEFAULT]\nmetadata_listen = 127.0.0.1\nmetadata_listen_port = {self.port}\n"
            f"metadata_workers = 2\nstate_path = {self.state}\n{more}\n"
            f"[stratus]\nmetrics_port = {self.figures}\n"
            f"[api_database]\nconnection = sqlite:///{self.conf.parent}/api.sqlite\n"
        )

    def heard(self, wanted: str) -> bool:
        """Wait until the manager was told so."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if wanted in self.manager.recv(4096).decode():
                return True
        return False

    def get(self, path: str, port: int | None = None) -> tuple[int, str]:
        """Return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def answers(self, path: str) -> bool:
        """Tell whether a worker answers well."""
        try:
            return self.get(path)[0] == 200
        except OSError:
            return False

    def workers(self) -> set[str]:
        """Return the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return set(children.split())


def _lives(pid: str) -> bool:
    """Tell a process from none, and from a dead one that nobody has waited for."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A daemon that is ready."""
    made = Served(tmp_path)
    try:
        assert made.heard("READY=1"), made.log.read_text()
        yield made
    finally:
        made.end()


def eventually(check: object, seconds: float = 15) -> bool:
    """Wait until `check` holds."""
    deadline = time.monotonic() + seconds
    while not check():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_it_serves_shows_its_health_and_stops_clean(served: Served) -> None:
    assert served.get("/healthcheck") == (200, "OK")
    assert served.get("/healthz", served.figures) == (200, '{"healthy":true,"problems":{}}')
    assert "stratus_build_info" in served.get("/metrics", served.figures)[1]
    served.process.send_signal(signal.SIGTERM)
    assert served.heard("STOPPING=1")
    assert len(list(served.state.iterdir())) == 1
    assert served.process.wait(15) == 0
    assert list(served.state.iterdir()) == []


def test_what_it_left_when_it_was_killed_is_removed_by_the_next(served: Served, tmp_path: Path) -> None:
    workers = served.workers()
    served.process.kill()
    served.process.wait()
    assert eventually(lambda: not any(_lives(pid) for pid in workers))
    (left,) = served.state.iterdir()
    (tmp_path / "next").mkdir()
    again = Served(tmp_path / "next", served.state)
    try:
        assert again.heard("READY=1"), again.log.read_text()
        assert left not in served.state.iterdir()
    finally:
        again.end()


def test_sigusr2_shows_threads_and_sighup_replaces_the_workers(served: Served) -> None:
    before = served.workers()
    served.process.send_signal(signal.SIGUSR2)
    served.write_conf("debug = true")
    served.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: len(served.workers()) == 2 and not served.workers() & before)
    assert served.get("/healthcheck") == (200, "OK")
    assert "most recent call first" in served.log.read_text()


def test_a_worker_that_dies_is_replaced(served: Served) -> None:
    victim = sorted(served.workers())[0]
    os.kill(int(victim), signal.SIGKILL)
    assert eventually(lambda: len(served.workers() - {victim}) == 2)
    assert eventually(lambda: served.answers("/healthcheck"))


def test_workers_do_not_outlive_their_parent(served: Served) -> None:
    workers = served.workers()
    served.process.kill()
    served.process.wait()
    assert eventually(lambda: not any(_lives(pid) for pid in workers))


@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.2])
def test_workers_that_are_just_starting_do_not_outlive_their_parent(tmp_path: Path, after: float) -> None:
    starting = Served(tmp_path)
    try:
        assert eventually(lambda: len(starting.workers()) == 2, 30), starting.log.read_text()
        time.sleep(after)
        workers = starting.workers()
    finally:
        starting.end()
    assert eventually(lambda: not any(_lives(pid) for pid in workers), 30)


SLOW = """
import sys
from compute_service.cmd.serve import Site, serve
from compute_service.config.settings import Settings
site = Site("slow", "tests.perf.small_app:application", "127.0.0.1", int(sys.argv[1]), 2)
sys.exit(serve(site, Settings()))
"""


def test_requests_in_hand_are_answered_when_it_stops() -> None:
    port, answers = _free_port(), list[bool]()
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(port)])  # noqa: S603

    def ask(path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            return b"servers" in connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False

    try:
        assert eventually(lambda: ask("/"))
        clients = [threading.Thread(target=lambda: answers.append(ask("/slow/1500"))) for _ in range(12)]
        for one in clients:
            one.start()
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert not ask("/")
        assert process.wait(15) == 0
        for one in clients:
            one.join(15)
    finally:
        process.kill()
        process.wait()
    assert answers == [True] * 12


def test_a_bad_configuration_is_told_and_exits_with_78(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[DEFAULT]\nmetadata_workers = many\n")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "compute_service.cmd.api_metadata", "--config-file", str(conf)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 78
    assert done.stderr.strip().endswith(
        f"nova-api-metadata: {conf}: [DEFAULT] metadata_workers = many: must be a whole number, at least 1"
    )
