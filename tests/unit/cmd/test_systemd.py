from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute_service.cmd import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's socket."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield listener


def test_readiness_life_and_stopping_are_told(manager: socket.socket) -> None:
    assert systemd.ready("serves")
    assert manager.recv(4096) == b"READY=1\nSTATUS=serves"
    assert systemd.alive()
    assert manager.recv(4096) == b"WATCHDOG=1"
    assert systemd.stopping("finishes", 2.5)
    assert manager.recv(4096) == b"STOPPING=1\nSTATUS=finishes\nEXTEND_TIMEOUT_USEC=2500000"
    assert systemd.reloading()
    assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"stratus-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert systemd.alive()
        assert listener.recv(100) == b"WATCHDOG=1"


def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.alive()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not systemd.alive()


@pytest.mark.parametrize(
    ("limit", "process", "seconds"),
    [
        ("2000000", "", 2.0),
        ("2000000", "own", 2.0),
        ("2000000", "1", None),
        ("0", "", None),
        ("", "", None),
    ],
)
def test_the_watchdog_counts_only_when_it_means_us(
    monkeypatch: pytest.MonkeyPatch, limit: str, process: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if process == "own" else process)
    assert systemd.watchdog_seconds() == seconds
