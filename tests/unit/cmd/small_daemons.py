"""Daemons that a family of processes runs in tests."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from functools import partial

from compute_service.cmd import systemd
from compute_service.cmd.family import run_family
from compute_service.cmd.member import Child
from compute_service.config.load import load
from compute_service.config.settings import Settings


def steady(arguments: Sequence[str], settings: Settings) -> int:
    """What a daemon of ours does."""
    from compute_service.cmd.runner import Runner, begin

    begin("steady", settings)
    return Runner("steady", settings, partial(load, arguments)).run()


def refused(_arguments: Sequence[str], _settings: Settings) -> int:
    """One that cannot start."""
    return 78


def broken(_arguments: Sequence[str], _settings: Settings) -> int:
    """One that dies of a fault."""
    raise ValueError("broken on purpose")


def hanging(_arguments: Sequence[str], _settings: Settings) -> int:
    """One that works no more once it is ready, and does not stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    systemd.ready("hangs")
    time.sleep(300)
    return 0


if __name__ == "__main__":
    given = ("--config-file", sys.argv[1])
    wanted = [Child(name, f"tests.unit.cmd.small_daemons:{name}") for name in sys.argv[2:]]
    sys.exit(run_family("family", lambda _: wanted, given))
