from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute_service.cmd.runner import Runner
from compute_service.config.load import ConfigError
from compute_service.config.settings import Settings, settings_of


@pytest.fixture
def runner() -> Runner:
    """A daemon that gives its parts two seconds to stop."""
    return Runner("nova-test", settings_of({"DEFAULT": {"manager_shutdown_timeout": 2}}))


def run_for(runner: Runner, seconds: float) -> int:
    """Run the daemon in this process and stop it after a while."""
    threading.Timer(seconds, runner.stop).start()
    return runner.run()


def test_timers_come_round_and_survive_failures(runner: Runner, caplog: pytest.LogCaptureFixture) -> None:
    runs: list[float] = []

    def work() -> None:
        runs.append(time.monotonic())
        raise ValueError("oops")

    runner.timers.every(0.05, work, "often")
    assert run_for(runner, 0.4) == 0
    assert len(runs) >= 4
    assert "often failed; it comes round again" in caplog.text


def test_parts_stop_in_reverse_within_the_limit(runner: Runner) -> None:
    ended: list[tuple[str, float]] = []
    for name in ("store", "bus"):
        runner.on_stop(name, lambda left, name=name: ended.append((name, left)))  # type: ignore[misc]
    assert run_for(runner, 0) == 0
    assert [name for name, _ in ended] == ["bus", "store"]
    assert all(1.5 < left <= 2 for _, left in ended)


def test_unfinished_work_and_failures_show_in_the_exit_code(
    runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_left: float) -> None:
        raise RuntimeError("cannot")

    runner.on_stop("engine", lambda _: False)
    runner.on_stop("bus", fail)
    assert run_for(runner, 0) == 1
    assert "engine was left with work unfinished" in caplog.text
    assert "bus did not stop well" in caplog.text


def test_a_reload_takes_over_what_may_change() -> None:
    settings = settings_of({})
    fresh = settings_of({"DEFAULT": {"debug": True, "host": "other"}})
    runner = Runner("nova-test", settings, lambda: fresh)
    heard: list[bool] = []
    runner.on_reload(lambda: heard.append(settings.default.debug))
    runner.reload()
    assert heard == [True]
    assert settings.default.host != "other"


def test_a_broken_configuration_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def load() -> Settings:
        raise ConfigError("nova.conf: [quota] cores = x: must be a whole number")

    settings = settings_of({})
    Runner("nova-test", settings, load).reload()
    assert "not taken over: nova.conf: [quota] cores = x" in caplog.text


def test_a_stuck_timer_makes_the_daemon_unwell(runner: Runner) -> None:
    timer = runner.timers.every(1, lambda: None, "slow")
    assert runner.health.problems() == {}
    timer.begun = time.monotonic() - 301
    assert runner.health.problems() == {"timers": "stuck: slow"}


DAEMON = """
import sys, threading, time
from compute_service.cmd.runner import Runner, begin
from compute_service.config.load import load

argv = ["--config-file", sys.argv[1]]
settings = load(argv)
begin("nova-test", settings)
runner = Runner("nova-test", settings, lambda: load(argv))
def slowly(left):
    time.sleep(float(sys.argv[2]))
    print("finished", flush=True)
runner.on_stop("work", slowly)
sys.exit(runner.run())
"""


class Daemon:
    """A daemon in a process of its own, and its service manager."""

    def __init__(self, folder: Path, stop_seconds: float) -> None:
        self.conf = folder / "nova.conf"
        self.conf.write_text("[DEFAULT]\nmanager_shutdown_timeout = 5\n")
        self.log = folder / "log"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        self.manager.settimeout(20)
        environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "300000"}
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", textwrap.dedent(DAEMON), str(self.conf), str(stop_seconds)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            text=True,
        )

    def heard(self, wanted: str) -> bool:
        """Wait until the manager was told so."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if wanted in self.manager.recv(4096).decode():
                return True
        return False


@pytest.fixture
def daemon(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A running daemon that takes `param` seconds to stop."""
    made = Daemon(tmp_path, getattr(request, "param", 0.3))
    yield made
    made.process.kill()
    made.process.wait()
    assert made.process.stdout is not None
    made.process.stdout.close()
    made.manager.close()


def test_a_daemon_tells_its_manager_and_finishes_on_sigterm(daemon: Daemon) -> None:
    assert daemon.heard("READY=1")
    assert daemon.heard("WATCHDOG=1")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.heard("STOPPING=1")
    out, _ = daemon.process.communicate(timeout=10)
    assert out == "finished\n"
    assert daemon.process.returncode == 0


def test_a_daemon_reads_its_configuration_again_and_dumps_threads(daemon: Daemon) -> None:
    assert daemon.heard("READY=1")
    daemon.conf.write_text("[DEFAULT]\ndebug = true\n")
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.heard("RELOADING=1")
    assert daemon.heard("READY=1")
    daemon.process.send_signal(signal.SIGUSR2)
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.communicate(timeout=10)
    text = daemon.log.read_text()
    assert "configuration read again; changed: [DEFAULT] debug" in text
    assert "[DEFAULT] manager_shutdown_timeout" in text
    assert "thread MainThread:" in text


@pytest.mark.parametrize("daemon", [30], indirect=True)
def test_a_second_sigterm_ends_the_daemon_at_once(daemon: Daemon) -> None:
    assert daemon.heard("READY=1")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.heard("STOPPING=1")
    time.sleep(0.2)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(5) == 1
